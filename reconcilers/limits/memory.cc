#include "reconcilers/limits/memory.h"

#include <algorithm>
#include <charconv>

namespace kr::limits {
namespace {

// The n that RemediationName put at the end; 0 when the name is not one of ours.
int64_t NumberInName(std::string_view name) {
  std::string_view digits = name.substr(name.rfind('-') + 1);
  int64_t n = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  return error == std::errc() && end == digits.data() + digits.size() ? n : 0;
}

// Since when the target is known to have been healthy at the time an episode began. A success has
// proved it at its end; after any other end only what this process has seen counts.
absl::Time HealthySince(const LineageMemory& memory) {
  absl::Time since = std::max(memory.finished_at, memory.last_sick);
  if (memory.outcome == crds::Phase::kSucceeded) return since;
  return std::max(since, memory.observed_since);
}

}  // namespace

LineageMemory Remember(const crds::Remediation& newest, absl::Time observed_since) {
  const crds::RemediationStatus& status = newest.status;
  LineageMemory memory;
  if (status.ledger) {
    memory.ledger = *status.ledger;
  } else if (!newest.IsManual()) {  // its name is a person's choice
    memory.ledger.n = NumberInName(newest.metadata.name);
  }
  if (status.phase && crds::IsFinal(*status.phase)) {
    memory.outcome = status.phase;
    memory.finished_at = status.finished_at.value_or(absl::InfinitePast());
  }
  memory.policy_generation = status.policy_generation;
  memory.contended = status.contended;
  memory.observed_since = observed_since;
  if (newest.spec.retry) {
    memory.ledger.failures = 0;
    memory.ledger.exhausted = false;
    memory.ledger.cooldown_until.reset();
    // Nor does a success that did not last count against it.
    memory.outcome.reset();
  }
  return memory;
}

Beginning Begin(const std::optional<LineageMemory>& memory, int64_t policy_generation,
                absl::Time sick_since, const Settings& settings) {
  Beginning beginning;
  beginning.ledger.n = 1;
  if (!memory) return beginning;

  beginning.ledger = memory->ledger;
  beginning.ledger.n = memory->ledger.n + 1;
  beginning.contended = memory->contended;
  auto forgive = [&beginning] {
    beginning.ledger.failures = 0;
    beginning.ledger.exhausted = false;
  };
  if (memory->policy_generation != policy_generation) {
    forgive();
    beginning.contended.reset();
    if (memory->outcome != crds::Phase::kSucceeded) beginning.ledger.cooldown_until.reset();
  } else if (sick_since - HealthySince(*memory) >= settings.relapse) {
    forgive();
  } else if (memory->outcome == crds::Phase::kSucceeded && !memory->planned) {
    ++beginning.ledger.failures;
    beginning.ledger.exhausted = beginning.ledger.failures >= kFailuresUntilExhausted;
  }
  return beginning;
}

}  // namespace kr::limits
