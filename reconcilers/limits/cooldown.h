#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/limits/reasons.h"
#include "reconcilers/limits/settings.h"

namespace kr::limits {

// How long a lineage rests after an episode with so many failures in a row: `base` up to the first
// failure, then doubling, at most max(base, settings.max_cooldown).
absl::Duration CooldownAfter(int64_t failures, absl::Duration base, const Settings& settings);

// The ledger of a Remediation that ends now with the final phase `outcome`, from the one it began
// with:
//   Succeeded                     rests; failures stay (a relapse may still make it one more)
//   Failed                        rests, one failure more, from the third on exhausted
//   Reported, Observed            rests
//   Cancelled after a write       rests
//   Cancelled before any write    costs nothing
// `base` is the policy's limits.cooldown.
crds::Ledger Finish(const crds::Ledger& begun, crds::Phase outcome, bool wrote, absl::Duration base,
                    const Settings& settings, absl::Time now);

// Somebody set our change back: who and where. Counts from anew when the revert before is older
// than settings.revert_window. The first is answered by applying it again, ignoring the cooldown;
// the second is a dispute that only a person can settle.
crds::Contended CountRevert(const std::optional<crds::Contended>& so_far, std::string_view manager,
                            const crds::ObjectReference& object, const Settings& settings,
                            absl::Time now);
bool IsDisputed(const std::optional<crds::Contended>& contended);

// The three refusals, asked of what Begin() gave.
std::optional<Refusal> CheckContended(const std::optional<crds::Contended>& contended);
std::optional<Refusal> CheckExhausted(const crds::Ledger& begun);
std::optional<Refusal> CheckCooldown(const crds::Ledger& begun, absl::Time now);

}  // namespace kr::limits
