#include "reconcilers/limits/cooldown.h"

#include <algorithm>

#include "crds/meta/time.h"
#include "reconcilers/limits/memory.h"

namespace kr::limits {
namespace {

constexpr int64_t kRevertsUntilDisputed = 2;

}  // namespace

absl::Duration CooldownAfter(int64_t failures, absl::Duration base, const Settings& settings) {
  absl::Duration longest = std::max(base, settings.max_cooldown);
  absl::Duration cooldown = base;
  for (int64_t i = 1; i < failures && cooldown < longest; ++i) cooldown *= 2;
  return std::min(cooldown, longest);
}

crds::Ledger Finish(const crds::Ledger& begun, crds::Phase outcome, bool wrote, absl::Duration base,
                    const Settings& settings, absl::Time now) {
  crds::Ledger ledger = begun;
  if (outcome == crds::Phase::kCancelled && !wrote) return ledger;
  if (outcome == crds::Phase::kFailed) {
    ++ledger.failures;
    ledger.exhausted = ledger.failures >= kFailuresUntilExhausted;
  }
  ledger.cooldown_until = now + CooldownAfter(ledger.failures, base, settings);
  return ledger;
}

crds::Contended CountRevert(const std::optional<crds::Contended>& so_far, std::string_view manager,
                            const crds::ObjectReference& object, const Settings& settings,
                            absl::Time now) {
  bool counts = so_far && so_far->last_at && now - *so_far->last_at <= settings.revert_window;
  crds::Contended contended;
  contended.count = counts ? so_far->count + 1 : 1;
  contended.manager = std::string(manager);
  contended.object = object;
  contended.last_at = now;
  return contended;
}

bool IsDisputed(const std::optional<crds::Contended>& contended) {
  return contended && contended->count >= kRevertsUntilDisputed;
}

std::optional<Refusal> CheckContended(const std::optional<crds::Contended>& contended) {
  if (!IsDisputed(contended)) return std::nullopt;
  std::string object = contended->object ? contended->object->ToString() : "the object";
  std::string who = contended->manager.empty() ? "somebody" : contended->manager;
  // A name, and no sentence about one.
  if (who.find(' ') == std::string::npos && !contended->manager.empty()) who = "\"" + who + "\"";
  std::string message =
      who + " set our change of " + object + " back " + std::to_string(contended->count) + " times";
  if (contended->last_at) message += ", last at " + crds::FormatTime(*contended->last_at);
  message += "; nothing is written until the policy is changed";
  return Refusal{.reason = Reason::kContended, .message = message};
}

std::optional<Refusal> CheckExhausted(const crds::Ledger& begun) {
  if (!begun.exhausted) return std::nullopt;
  return Refusal{.reason = Reason::kExhausted,
                 .message = std::to_string(begun.failures) +
                            " remediations in a row did not help; nothing is tried again until "
                            "the policy is changed or the target stays healthy for a while"};
}

std::optional<Refusal> CheckCooldown(const crds::Ledger& begun, absl::Time now) {
  if (!begun.cooldown_until || now >= *begun.cooldown_until) return std::nullopt;
  std::string message = "the last remediation ended not long ago, the next may start at " +
                        crds::FormatTime(*begun.cooldown_until);
  if (begun.failures > 0) {
    message += " (" + std::to_string(begun.failures) +
               (begun.failures == 1 ? " failure so far)" : " failures in a row so far)");
  }
  return Refusal{
      .reason = Reason::kCoolingDown, .message = message, .next_check = *begun.cooldown_until};
}

}  // namespace kr::limits
