#pragma once

#include <algorithm>

namespace kr::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

// So many of `n` repetitions with other random numbers. Whoever looks for mistakes with memory
// takes ten times as long for each, and needs fewer.
template <typename T>
constexpr T Repetitions(T n) {
  return kSanitized ? std::max(n / 4, T{2}) : n;
}

}  // namespace kr::testing
