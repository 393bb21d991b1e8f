#include "reconcilers/remediation/draft.h"

#include <algorithm>

#include "reconcilers/limits/remediation_name.h"

namespace kr::remediation {
namespace {

bool BeginsWithMitigation(const policy::CompiledPolicy& policy) {
  return std::any_of(policy.remedies.front().steps.begin(), policy.remedies.front().steps.end(),
                     [](const policy::Step& step) {
                       return step.action->reversal() == actions::Reversal::kMitigation;
                     });
}

}  // namespace

// A label value has at most 63 characters and ends in a letter or digit.
std::string PolicyLabelValue(std::string_view policy) {
  std::string value(policy.substr(0, 63));
  while (!value.empty() && (value.back() == '-' || value.back() == '.')) value.pop_back();
  return value;
}

crds::ObjectReference TargetRef(const policy::CompiledPolicy& policy,
                                const document::Document& target) {
  return {policy.target.ApiVersion(), policy.target.kind, std::string(target.name_space()),
          std::string(target.name()), std::string(target.uid())};
}

Draft MakeDraft(const policy::CompiledPolicy& policy, const document::Document& target,
                std::string_view lineage, const policy::Sick& sick,
                const limits::Beginning& beginning, bool reverted) {
  Draft draft;
  draft.object.spec = {.policy_ref = {policy.name, policy.uid},
                       .target_ref = TargetRef(policy, target),
                       .mode = policy.spec.mode};
  draft.object.metadata.name =
      limits::RemediationName(policy.name, target.name(), lineage, beginning.ledger.n);
  draft.object.metadata.labels = {{std::string(crds::kPolicyLabel), PolicyLabelValue(policy.name)},
                                  {std::string(crds::kLineageLabel), std::string(lineage)}};
  // It would have to be put on before the first such write anyway.
  if (policy.spec.mode == crds::Mode::kEnforce && BeginsWithMitigation(policy)) {
    draft.object.metadata.finalizers = {std::string(crds::kEffectsFinalizer)};
  }
  draft.start = {.detected_at = sick.since,
                 .trigger_since = sick.symptom.since,
                 .evidence = sick.evidence,
                 .ledger = beginning.ledger,
                 .contended = beginning.contended,
                 .reverted = reverted};
  if (sick.symptom.trigger) draft.start.trigger = policy.triggers[*sick.symptom.trigger].name;
  return draft;
}

}  // namespace kr::remediation
