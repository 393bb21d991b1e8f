#include "reconcilers/remediation/verification.h"

#include <algorithm>

#include "crds/meta/duration.h"

namespace kr::remediation {

using policy::Verdict;
using signals::Tri;

namespace {

void Track(std::optional<absl::Time>& since, const Verdict& verdict, absl::Time now) {
  if (verdict.value != Tri::kTrue) {
    since.reset();
  } else if (!since) {
    since = now;
  }
}

}  // namespace

Verification::Decision Verification::Update(const Verdict& symptom, const Verdict& cured,
                                            const Verdict& verify, absl::Time now) {
  Track(cured_since_, cured, now);
  Track(verified_since_, verify, now);
  const auto stable = [&](const std::optional<absl::Time>& since) {
    return since && now - *since >= limits_.stable_for;
  };
  if (stable(verified_since_)) holding_ = true;
  if (holding_) {
    if (stable(cured_since_)) return {Result::kCured};
    Decision decision{Result::kHold};
    if (cured_since_) {
      decision.until = *cured_since_ + limits_.stable_for;
      decision.message = "cured, must stay so for " + crds::FormatDuration(limits_.stable_for);
    } else {
      decision.message = "verified, but not cured: " + cured.cause;
    }
    return decision;
  }
  const absl::Time deadline = limits_.steps_done_at + limits_.cure_within;
  if (verified_since_) {
    // Healthy when the deadline comes: it gets at most one stable_for more.
    const absl::Time last_chance = deadline + limits_.stable_for;
    const absl::Time stable_at = *verified_since_ + limits_.stable_for;
    if (stable_at <= last_chance) {
      return {Result::kWait, stable_at,
              "looks cured, must stay so for " + crds::FormatDuration(limits_.stable_for)};
    }
  }
  if (now < deadline) return {Result::kWait, deadline, "not cured yet: " + verify.cause};
  switch (symptom.value) {
    case Tri::kTrue:
      return {Result::kEscalate, {}, "the symptom still holds after the remedy"};
    case Tri::kUnknown:
      return {Result::kWait, absl::InfiniteFuture(), "the symptom is unknown: " + symptom.cause};
    case Tri::kFalse:
      break;
  }
  return {Result::kSymptomChanged, {}, "the symptom is gone, but it is not cured: " + verify.cause};
}

}  // namespace kr::remediation
