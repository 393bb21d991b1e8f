// What is remembered of targets outside of Remediations: TargetBaselines, and what alerts say.
#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/base/log.h"
#include "crds/v1alpha1/codec.h"
#include "reconcilers/policy/evaluate.h"
#include "reconcilers/remediation/controller.h"
#include "reconcilers/remediation/resources.h"

namespace kr::remediation {
namespace {

std::optional<crds::TargetBaseline> Parse(const document::DocumentPtr& object) {
  if (!object) return std::nullopt;
  auto parsed = crds::FromJson<crds::TargetBaseline>(object->ToJson());
  if (parsed.ok()) return *std::move(parsed);
  log::Error("TargetBaseline could not be read",
             {{"baseline", object->name()}, {"error", Message(parsed.status())}});
  return std::nullopt;
}

}  // namespace

void Controller::OnBaselineObject(const document::DocumentPtr& before,
                                  const document::DocumentPtr& after) {
  const std::optional<crds::TargetBaseline> old = Parse(before), now = Parse(after);
  if (!old && !now) return;
  if (!baselines_.OnObject(old, now)) return;
  // Somebody deleted it, to accept what is: compared and recorded anew.
  const crds::TargetBaseline& about = now ? *now : *old;
  const policy::PolicyEntry* entry = policies_.FindByUid(about.spec.policy_ref.uid);
  const crds::ObjectReference& ref = about.spec.target_ref;
  if (entry == nullptr) return;
  if (const auto policy = entry->For(ref)) symptoms_.Queue(policy->id, {ref.name_space, ref.name});
}

void Controller::OnBaseline(const policy::CompiledPolicy& policy, const document::Document& target,
                            std::vector<crds::BaselineValue> values,
                            std::vector<crds::BaselineHold> holding) {
  if (stage_ != Stage::kLeading) return;
  const crds::ObjectReference ref = TargetRef(policy, target);
  baselines_.Record(policy, ref, std::move(values));
  baselines_.RecordHolding(policy, ref, std::move(holding));
}

void Controller::OnRemediated(const policy::CompiledPolicy& policy,
                              const document::Document& target, const signals::View& view,
                              absl::Time steps_done) {
  std::vector<crds::BaselineValue> values = policy::BaselineValues(policy, view);
  // After a restart in the middle of a verification: what changed since the steps is a symptom.
  std::erase_if(values, [&](const crds::BaselineValue& value) {
    const crds::BaselineValue* known =
        watches_.past().baselines.FindValue(policy.id, view.target(), value.trigger);
    return known != nullptr && known->recorded_at >= steps_done;
  });
  baselines_.Record(policy, TargetRef(policy, target), std::move(values));
}

void Controller::DropBaselines(std::string_view policy_uid) {
  std::vector<crds::TargetBaseline> gone;
  watches_.past().baselines.ForEach([&](const crds::TargetBaseline& baseline) {
    if (baseline.spec.policy_ref.uid == policy_uid) gone.push_back(baseline);
  });
  for (const crds::TargetBaseline& baseline : gone) baselines_.Drop(baseline);
}

void Controller::PruneBaselines() {
  std::vector<crds::TargetBaseline> gone;
  watches_.past().baselines.ForEach([&](const crds::TargetBaseline& baseline) {
    const crds::ObjectReference& ref = baseline.spec.target_ref;
    const policy::PolicyEntry* entry = policies_.FindByUid(baseline.spec.policy_ref.uid);
    if (entry != nullptr && entry->kinds.empty()) return;  // it is being repaired
    const auto policy = entry == nullptr ? nullptr : entry->For(ref);
    if (!policy || !policy->keeps_baseline) {
      gone.push_back(baseline);
      return;
    }
    const policy::PolicyTargets* targets = symptoms_.Find(*policy);
    if (targets == nullptr || !targets->settled) return;
    // What is not watched for now is not gone.
    if (watches_.ReadinessOf(*policy).state != policy::Watches::Readiness::State::kReady) return;
    const document::DocumentPtr target = watches_.Target(*policy, {ref.name_space, ref.name});
    if (!target || target->uid() != ref.uid) gone.push_back(baseline);
  });
  for (const crds::TargetBaseline& baseline : gone) baselines_.Drop(baseline);
}

void Controller::RecordBaselines() {
  // What a standby saw it did not record.
  for (const policy::CompiledPolicyPtr& policy : policies_.Compiled()) {
    if (policy->keeps_baseline) symptoms_.EvaluateAll(*policy);
  }
}

void Controller::OnAlerts(const std::vector<signals::Alert>& alerts) {
  if (stage_ != Stage::kLeading) return;
  const std::vector<policy::CompiledPolicyPtr> policies = policies_.Compiled();
  for (const signals::Alert& alert : alerts) {
    if (!watches_.past().alerts.Hear(alert, engine_.clock().Now())) {
      log::Warning("More alerts fire than can be remembered",
                   {{"max", std::to_string(signals::Alerts::kMaxAlerts)}});
      break;
    }
    for (const policy::CompiledPolicyPtr& policy : policies) {
      for (const policy::Trigger& trigger : policy->triggers) {
        for (const signals::SignalPtr& signal : trigger.signals) {
          const auto target = signal->TargetOf(alert.labels);
          if (!target) continue;
          // Of a kind without namespaces the label, if there is one, means something else.
          for (const std::string& name_space : {std::string(target->name_space), std::string()}) {
            const kube::ObjectKey key{name_space, std::string(target->name)};
            if (!watches_.Target(*policy, key)) continue;
            symptoms_.Queue(policy->id, key);
            break;
          }
        }
      }
    }
  }
}

}  // namespace kr::remediation
