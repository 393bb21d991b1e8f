#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kr::agent {

// Lines without their line ends. A text that ends with one has an empty last line, so that
// JoinLines(SplitLines(x)) == x.
inline std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  for (size_t at = 0;;) {
    const size_t end = text.find('\n', at);
    if (end == std::string_view::npos) {
      lines.emplace_back(text.substr(at));
      return lines;
    }
    lines.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
}

inline std::string JoinLines(const std::vector<std::string>& lines) {
  std::string text;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) text += '\n';
    text += lines[i];
  }
  return text;
}

inline std::string_view Trimmed(std::string_view text) {
  const size_t from = text.find_first_not_of(" \t\r");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

// So that what is added at the end begins on a line of its own.
inline void DropEmptyEnd(std::vector<std::string>& lines) {
  while (!lines.empty() && Trimmed(lines.back()).empty()) lines.pop_back();
}

}  // namespace kr::agent
