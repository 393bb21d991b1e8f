// Whether the whole plan fits into the status, asked before its first write: a log that is full in
// the middle of a remedy would leave half of it done. Every step is rendered as it would be now and
// put into a copy of the status, as if all of the ladder had come to pass.
#include <algorithm>
#include <utility>

#include "controller/base/digest.h"
#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/remediation_fields.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {
namespace {

// For messages, conditions and further attempts of a write, which nobody knows before.
constexpr size_t kReserve = 16 * 1024;

// What a step would put into the log.
struct Entry {
  nlohmann::json memo;
  std::string body;
};

Entry EntryOf(actions::Next next) {
  if (auto* write = std::get_if<actions::Write>(&next)) {
    return {std::move(write->memo), std::move(write->request.body)};
  }
  if (auto* call = std::get_if<actions::Call>(&next)) {
    return {std::move(call->memo), std::move(call->body)};
  }
  // The server would be asked first; then the patch is written, and what it replaces is as large.
  if (auto* question = std::get_if<actions::DryRun>(&next)) {
    const std::string& body = question->request.body;
    return {{{"patch", body}, {"before", body}}, body};
  }
  return {};  // nothing to do, or what it does depends on the steps before it
}

std::string KiB(size_t bytes) {
  return std::to_string((bytes + 1023) / 1024) + " KiB";
}

}  // namespace

// The objects of a step as they would be chosen now; the first stands for all of them.
struct Runner::PlanObjects {
  size_t count = 1;
  std::optional<actions::ObjectRef> first;  // nullopt: the target, or nobody knows yet
};

std::string Runner::PlanKey(const actions::ObjectRef& ref) {
  return ref.resource.plural + "." + ref.resource.gvk.group + "/" + ref.key.ToString();
}

Runner::PlanObjects Runner::ObjectsOfPlan(const policy::Step& step, const policy::TargetView& view,
                                          const policy::Surroundings& around) const {
  const bool chooses = step.apply_to || std::holds_alternative<crds::Apply>(step.spec.action);
  if (!chooses || step.action->reversal() == actions::Reversal::kNothing) return {};
  const auto choice = Choose(step, view, around);
  if (!choice.ok() || choice->objects.empty()) return {};
  return {choice->objects.size(), RefOf(choice->objects.front())};
}

std::optional<actions::ObjectRef> Runner::UnreadOfPlan(const policy::TargetView& view,
                                                       const policy::Surroundings& around) const {
  for (const policy::Remedy& remedy : policy_->remedies) {
    for (const policy::Step& step : remedy.steps) {
      auto first = ObjectsOfPlan(step, view, around).first;
      if (first && !plan_objects_.contains(PlanKey(*first))) return first;
    }
  }
  return std::nullopt;
}

std::optional<std::string> Runner::PlanTooLarge(const nlohmann::json& target,
                                                const policy::TargetView& view,
                                                const policy::Surroundings& around) {
  crds::RemediationStatus full = status();
  crds::Intent largest{.at = Now()};
  std::string parts;
  for (size_t r = 0; r < policy_->remedies.size(); ++r) {
    const policy::Remedy& remedy = policy_->remedies[r];
    std::vector<Entry> entries;
    std::vector<size_t> objects;
    for (const policy::Step& step : remedy.steps) {
      const PlanObjects plan = ObjectsOfPlan(step, view, around);
      const auto ref = plan.first ? plan.first : RefOf(remediation().spec.target_ref);
      const bool writes = ref && step.action->reversal() != actions::Reversal::kNothing;
      if (writes) {
        AtHand hand;
        hand.live = plan.first ? plan_objects_[PlanKey(*ref)] : target;
        const crds::StepId id{remedy.name, 1, static_cast<int64_t>(objects.size())};
        entries.push_back(EntryOf(step.action->Ask(nullptr, Observe(*ref, id, Now(), hand))));
      } else {
        entries.emplace_back();
      }
      objects.push_back(plan.count);
      const Entry& entry = entries.back();
      const size_t bytes = entry.body.size() + entry.memo.dump().size() * plan.count;
      if (bytes > 4096) {
        parts += (parts.empty() ? "" : ", ") + remedy.name + " step " +
                 std::to_string(entries.size()) + " (" + std::string(step.action->kind()) + ") " +
                 KiB(bytes);
      }
      if (entry.body.size() > largest.body.size()) largest.body = entry.body;
    }
    for (int64_t attempt = full.remedies[r].attempt; attempt < remedy.attempts; ++attempt) {
      StartRung(*policy_, r, Now(), full);
      std::vector<size_t> attempt_steps = AttemptSteps(full, r);
      for (auto index = attempt_steps.rbegin(); index != attempt_steps.rend(); ++index) {
        const size_t count = objects[static_cast<size_t>(full.steps[*index].id.step)];
        if (count < 2) continue;
        SetObjects(*index, std::vector(count, remediation().spec.target_ref), full);
      }
      for (size_t index : AttemptSteps(full, r)) {
        Entry& entry = entries[static_cast<size_t>(full.steps[index].id.step)];
        if (entry.body.empty()) continue;
        full.steps[index].memo = crds::RawJson(entry.memo);
        // Made, and with recovery.revert taken back.
        for (int writes = policy_->spec.recovery.revert ? 2 : 1; writes > 0; --writes) {
          full.steps[index].writes.push_back(
              {.object = remediation().spec.target_ref, .intent_at = Now()});
        }
      }
    }
  }
  largest.body_digest = Sha256Hex(largest.body);
  full.intent = std::move(largest);
  const size_t bytes = crds::ToJson(full).dump().size() + kReserve;
  if (bytes <= crds::kMaxStatusBytes && full.steps.size() <= crds::kMaxRecordedSteps) {
    return std::nullopt;
  }
  return "the log of the whole plan would take " + KiB(bytes) + ", a status holds " +
         KiB(crds::kMaxStatusBytes) +
         "; nothing was written. Make the policy's patches smaller or "
         "its steps, attempts and objects (applyTo.max) fewer" +
         (parts.empty() ? "." : ": " + parts + ".");
}

}  // namespace kr::remediation
