#include "crds/meta/text.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace kr::crds {
namespace {

bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

size_t CodePoints(std::string_view text) {
  return text.size() - static_cast<size_t>(std::count_if(text.begin(), text.end(), IsContinuation));
}

std::string Truncate(std::string_view text, size_t max) {
  if (text.size() <= max || CodePoints(text) <= max) return std::string(text);
  constexpr std::string_view kEllipsis = "...";
  const std::string_view tail = kEllipsis.substr(0, std::min(max, kEllipsis.size()));
  size_t end = 0;
  for (size_t kept = 0; end < text.size(); ++end) {
    if (!IsContinuation(text[end]) && kept++ == max - tail.size()) break;
  }
  return std::string(text.substr(0, end)).append(tail);
}

size_t EditDistance(std::string_view a, std::string_view b) {
  // Three rows of the table over prefixes of a and b: the one being filled and the two above.
  std::vector<size_t> older, above, row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    older = std::exchange(above, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = Lower(a[i - 1]) == Lower(b[j - 1]);
      row[j] = std::min({above[j - 1] + (same ? 0 : 1), above[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) &&
                           Lower(a[i - 2]) == Lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], older[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace kr::crds
