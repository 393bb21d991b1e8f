#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "absl/strings/string_view.h"

// Small text helpers. Debian's absl::string_view is a type of its own: these two lines are where it
// meets std::string_view in this library.
namespace kr::crds {

inline absl::string_view ToAbsl(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view FromAbsl(absl::string_view text) {
  return {text.data(), text.size()};
}

// Unicode code points, as a schema's maxLength counts them. A stray byte counts as one.
size_t CodePoints(std::string_view text);
// The first `max` code points; what is cut shows as "..." within them.
std::string Truncate(std::string_view text, size_t max);

// The one of `known` that `text` was probably meant to be; "" when nothing is near.
template <typename Names>
std::string_view Nearest(std::string_view text, const Names& known);
// Insertions, deletions, replacements and swaps of neighbours that turn one into the other,
// ignoring case.
size_t EditDistance(std::string_view a, std::string_view b);

template <typename Names>
std::string_view Nearest(std::string_view text, const Names& known) {
  size_t best = std::min<size_t>(text.size() / 3, 3) + 1;  // as far away is something else
  std::string_view nearest;
  for (std::string_view name : known) {
    if (size_t distance = EditDistance(text, name); distance < best) {
      best = distance;
      nearest = name;
    }
  }
  return nearest;
}

}  // namespace kr::crds
