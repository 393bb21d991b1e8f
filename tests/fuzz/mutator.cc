#include "tests/fuzz/mutator.h"

#include <algorithm>
#include <array>

namespace kr::fuzz {
namespace {

constexpr size_t kMaxInput = 64 * 1024;

constexpr std::array<std::string_view, 28> kEdges = {"0",
                                                     "-1",
                                                     "9223372036854775808",
                                                     "-9223372036854775809",
                                                     "1e309",
                                                     "0x7fffffff",
                                                     "null",
                                                     "true",
                                                     "\"\"",
                                                     "{}",
                                                     "[]",
                                                     "\\u0000",
                                                     "\\ud800",
                                                     "\xff\xfe",
                                                     "\xed\xa0\x80",
                                                     "\n",
                                                     "\"",
                                                     "'",
                                                     "(",
                                                     ")",
                                                     "!!binary",
                                                     "&a",
                                                     "*a",
                                                     "%",
                                                     "\r\n\r\n",
                                                     "-0",
                                                     "1_0",
                                                     "\t"};
constexpr std::array<std::string_view, 6> kOpen = {"[", "{\"a\":", "(", "!", "- ", "a.b("};

}  // namespace

size_t Mutator::Below(size_t bound) {
  if (bound == 0) return 0;
  return std::min(bound - 1, static_cast<size_t>(random_.Uniform() * static_cast<double>(bound)));
}

void Mutator::ChangeOnce(std::string& text, const std::vector<std::string>& corpus) {
  const size_t at = Below(text.size() + 1);
  const size_t length = Below(std::min<size_t>(text.size() - at, 64) + 1);
  switch (Below(8)) {
    case 0:
      if (at < text.size()) text[at] = static_cast<char>(Below(256));
      break;
    case 1:
      text.erase(at, length);
      break;
    case 2:
      text.insert(at, text.substr(at, length));
      break;
    case 3:
      text.insert(at, kEdges[Below(kEdges.size())]);
      break;
    case 4:
      text.replace(at, length, kEdges[Below(kEdges.size())]);
      break;
    case 5: {
      const std::string& other = corpus[Below(corpus.size())];
      text.insert(at, other.substr(Below(other.size() + 1), Below(200)));
      break;
    }
    case 6: {
      const std::string_view open = kOpen[Below(kOpen.size())];
      for (size_t n = Below(2) == 0 ? Below(8) : Below(3000); n > 0; --n) text.insert(at, open);
      break;
    }
    case 7:
      text.resize(at);
      break;
  }
  if (text.size() > kMaxInput) text.resize(kMaxInput);
}

std::string Mutator::Next(const std::vector<std::string>& corpus) {
  std::string text = corpus[Below(corpus.size())];
  for (size_t changes = 1 + Below(8); changes > 0; --changes) ChangeOnce(text, corpus);
  return text;
}

}  // namespace kr::fuzz
