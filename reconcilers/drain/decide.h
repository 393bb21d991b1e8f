#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "reconcilers/drain/plan.h"

namespace kr::drain {

// What a drain is to do now.

// Get rid of these pods, all at once. `set`: it is one pod of a StatefulSet; before it goes, the
// set has to be seen whole by a live list (WhyNotWhole).
struct Evict {
  std::vector<const Pod*> pods;
  bool remove = false;  // by deletion, which asks no budget: the time is up (onTimeout: DeletePods)
  const StatefulSet* set = nullptr;
  // With `set`: the others of it on the node that may go now in its place, in their order; and
  // those that only the server has put off, until `later`.
  std::vector<const Pod*> instead = {};
  std::vector<const Pod*> put_off = {};
  absl::Time later = absl::InfiniteFuture();
};
struct Pause {
  absl::Time until;
  std::string text;  // how far it is, and what holds up what is left
  std::optional<Block> block;
};
struct Drained {
  std::string text;
  bool complete = true;  // false: pods that belong elsewhere are left, or were not seen to end
};
struct GiveUp {
  std::string reason;  // CamelCase
  std::string text;
  bool by_person = false;  // somebody took the node out of our hands
};
using Decision = std::variant<Evict, Pause, Drained, GiveUp>;

// Pure: the same situation, the same decision. `begun`: the step has seen the node cordoned before.
Decision Decide(const Situation& situation, bool begun);

// At most so many pods in one Evict.
inline constexpr size_t kMaxBatch = 50;

}  // namespace kr::drain
