// Does anybody set back what was changed on other objects than the target? Of those that a join of
// the policy watches that shows at once; the others are read once, before a cure counts.
#include <algorithm>
#include <utility>

#include "controller/cache/resource_version.h"
#include "crds/meta/json_find.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {
namespace {

// Whether the document is what our writes made, or newer.
bool HasOwnWrites(const document::Document& object, const crds::StepProgress& progress) {
  return std::all_of(progress.writes.begin(), progress.writes.end(), [&](const auto& write) {
    if (write.resource_version_after.empty()) return true;
    const auto order =
        cache::CompareResourceVersions(object.resource_version(), write.resource_version_after);
    return order.has_value() && *order >= 0;
  });
}

}  // namespace

std::vector<size_t> Runner::ChangesElsewhere() const {
  const size_t rung = *CurrentRung(status());
  std::vector<size_t> changes;
  for (const size_t index : AttemptSteps(status(), rung)) {
    const crds::StepProgress& progress = status().steps[index];
    if (!progress.object || progress.state != crds::StepState::kSucceeded) continue;
    if (progress.writes.empty() || progress.memo.empty()) continue;  // it was so, or is so again
    if (StepAt(rung, progress).action->reversal() != actions::Reversal::kChange) continue;
    changes.push_back(index);
  }
  return changes;
}

const policy::Step& Runner::StepAt(size_t rung, const crds::StepProgress& progress) const {
  return policy_->remedies[rung].steps[static_cast<size_t>(progress.id.step)];
}

std::optional<bool> Runner::HoldsInCache(size_t index, const document::Document& target) const {
  const crds::StepProgress& progress = status().steps[index];
  const policy::Step& step = StepAt(*CurrentRung(status()), progress);
  if (!step.apply_to || !step.apply_to->join) return std::nullopt;
  const auto related = world_.Around(*policy_).Related(*step.apply_to->join, target);
  if (!related.ok()) return std::nullopt;
  for (const document::DocumentPtr& object : *related) {
    if (object->uid() != progress.object->uid) continue;
    if (!HasOwnWrites(*object, progress)) return std::nullopt;
    return step.action->EffectHolds(progress.memo.Parse(), object->ToJson());
  }
  return std::nullopt;
}

std::optional<size_t> Runner::RevertedElsewhere(const document::Document& target) const {
  for (const size_t index : ChangesElsewhere()) {
    if (!HoldsInCache(index, target).value_or(true)) return index;
  }
  return std::nullopt;
}

std::optional<size_t> Runner::UnconfirmedChange(const document::Document& target) const {
  for (const size_t index : ChangesElsewhere()) {
    if (!confirmed_changes_.contains(index) && !HoldsInCache(index, target)) return index;
  }
  return std::nullopt;
}

void Runner::ConfirmChange(size_t index) {
  const auto ref = RefOf(status().steps[index]);
  if (!ref) return WakeAt(Now() + services_.timing.retry_max);
  Fetch(*ref, [this, index, uid = ref->uid](nlohmann::json live) {
    // What is gone has taken its change along: whether that matters the symptom says.
    const bool other =
        live.is_null() || (!uid.empty() && crds::FindText(live, {"metadata", "uid"}) != uid);
    const crds::StepProgress& progress = status().steps[index];
    const policy::Step& step = StepAt(*CurrentRung(status()), progress);
    const bool holds = other || step.action->EffectHolds(progress.memo.Parse(), live);
    // Nothing is sick any more, so nothing is written; but who did it is kept for the next time.
    if (!holds && CountRevert(live, *progress.object, step.action->EffectFields())) return;
    confirmed_changes_.insert(index);
    Advance();
  });
}

}  // namespace kr::remediation
