#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controller/base/status.h"

namespace kr::cel {

// The text of an expression, and places in it as people count them.
class Source {
 public:
  explicit Source(std::string text) : text_(std::move(text)) {}

  const std::string& text() const { return text_; }

  // "line:column" of the byte at `offset`. Lines and columns start at 1; a column is a code point.
  std::string Place(uint32_t offset) const;
  // InvalidArgument "line:column: message" for the byte at `offset`.
  Status ErrorAt(uint32_t offset, std::string_view message) const;

 private:
  std::string text_;
};

// The one of `names` that somebody who wrote `word` most likely meant, as ", did you mean x?", or
// "" when none is near.
template <typename Names>
std::string DidYouMean(std::string_view word, const Names& names);

// Insertions, deletions, replacements and swaps of neighbours between two words; case counts half.
int EditDistance2(std::string_view a, std::string_view b);

template <typename Names>
std::string DidYouMean(std::string_view word, const Names& names) {
  std::string best;
  int best_distance = 2 * (word.size() < 4 ? 1 : word.size() < 8 ? 2 : 3) + 1;
  for (const auto& name : names) {
    const int distance = EditDistance2(word, name);
    if (distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  return best.empty() ? "" : ", did you mean '" + best + "'?";
}

}  // namespace kr::cel
