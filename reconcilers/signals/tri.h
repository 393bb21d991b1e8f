#pragma once

#include <string_view>

namespace kr::signals {

// What is known of a symptom. Unknown (an evaluation error, a kind that is not synced, a field that
// was not kept) neither starts an episode nor cures one.
enum class Tri { kFalse, kTrue, kUnknown };

// Kleene's logic: False wins over Unknown in And, True wins over Unknown in Or.
constexpr Tri And(Tri a, Tri b) {
  if (a == Tri::kFalse || b == Tri::kFalse) return Tri::kFalse;
  if (a == Tri::kUnknown || b == Tri::kUnknown) return Tri::kUnknown;
  return Tri::kTrue;
}
constexpr Tri Or(Tri a, Tri b) {
  if (a == Tri::kTrue || b == Tri::kTrue) return Tri::kTrue;
  if (a == Tri::kUnknown || b == Tri::kUnknown) return Tri::kUnknown;
  return Tri::kFalse;
}
constexpr Tri Not(Tri a) {
  if (a == Tri::kUnknown) return a;
  return a == Tri::kTrue ? Tri::kFalse : Tri::kTrue;
}
constexpr Tri FromBool(bool b) {
  return b ? Tri::kTrue : Tri::kFalse;
}

constexpr std::string_view Name(Tri t) {
  return t == Tri::kTrue ? "True" : t == Tri::kFalse ? "False" : "Unknown";
}

}  // namespace kr::signals
