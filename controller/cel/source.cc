#include "controller/cel/source.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace kr::cel {

std::string Source::Place(uint32_t offset) const {
  size_t line = 1;
  size_t column = 1;
  const size_t end = std::min<size_t>(offset, text_.size());
  for (size_t i = 0; i < end; ++i) {
    const auto byte = static_cast<unsigned char>(text_[i]);
    if (byte == '\n') {
      ++line;
      column = 1;
    } else if ((byte & 0xC0) != 0x80) {  // not the continuation of a code point
      ++column;
    }
  }
  return std::to_string(line) + ":" + std::to_string(column);
}

Status Source::ErrorAt(uint32_t offset, std::string_view message) const {
  return Annotate(InvalidArgument(message), Place(offset));
}

int EditDistance2(std::string_view a, std::string_view b) {
  const auto change = [](char x, char y) {
    if (x == y) return 0;
    return std::tolower(static_cast<unsigned char>(x)) ==
                   std::tolower(static_cast<unsigned char>(y))
               ? 1
               : 2;
  };
  std::vector<int> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = 2 * static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = 2 * static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 2, row[j - 1] + 2, last[j - 1] + change(a[i - 1], b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 2);
      }
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace kr::cel
