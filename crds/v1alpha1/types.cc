#include <variant>

#include "crds/v1alpha1/remediation_fields.h"

namespace kr::crds {

std::string_view ToString(Mode mode) {
  return EnumToString(mode);
}
std::string_view ToString(RemedyMode mode) {
  return EnumToString(mode);
}
std::string_view ToString(RelatedPreset preset) {
  return EnumToString(preset);
}
std::string_view ToString(Distinct distinct) {
  return EnumToString(distinct);
}
std::string_view ToString(ParamType type) {
  return EnumToString(type);
}
std::string_view ToString(ParamSource source) {
  return EnumToString(source);
}
std::string_view ToString(PatchType type) {
  return EnumToString(type);
}
std::string_view ToString(JsonOp op) {
  return EnumToString(op);
}
std::string_view ToString(AutoscalerRule rule) {
  return EnumToString(rule);
}
std::string_view ToString(DeletePodMode mode) {
  return EnumToString(mode);
}
std::string_view ToString(LeaseState state) {
  return EnumToString(state);
}
std::string_view ToString(TaintEffect effect) {
  return EnumToString(effect);
}
std::string_view ToString(DrainStatefulSets rule) {
  return EnumToString(rule);
}
std::string_view ToString(DrainEmptyDir rule) {
  return EnumToString(rule);
}
std::string_view ToString(DrainUnmanaged rule) {
  return EnumToString(rule);
}
std::string_view ToString(DrainImmovable rule) {
  return EnumToString(rule);
}
std::string_view ToString(DrainOptOut rule) {
  return EnumToString(rule);
}
std::string_view ToString(DrainHeadroom rule) {
  return EnumToString(rule);
}
std::string_view ToString(DrainOnTimeout rule) {
  return EnumToString(rule);
}
std::string_view ToString(CommandPath path) {
  return EnumToString(path);
}
std::string_view ToString(RecreateStrategy strategy) {
  return EnumToString(strategy);
}
std::string_view ToString(Propagation propagation) {
  return EnumToString(propagation);
}
std::string_view ToString(OnFailure on_failure) {
  return EnumToString(on_failure);
}
std::string_view ToString(BreakerState state) {
  return EnumToString(state);
}
std::string_view ToString(Verb verb) {
  return EnumToString(verb);
}
std::string_view ToString(WriteOutcome outcome) {
  return EnumToString(outcome);
}
std::string_view ToString(StepState state) {
  return EnumToString(state);
}
std::string_view ToString(RemedyState state) {
  return EnumToString(state);
}
std::string_view ToString(Decision decision) {
  return EnumToString(decision);
}
std::string_view ToString(ApprovalState state) {
  return EnumToString(state);
}
std::string_view ToString(Phase phase) {
  return EnumToString(phase);
}

bool IsFinal(Phase phase) {
  switch (phase) {
    case Phase::kPending:
    case Phase::kAwaitingApproval:
    case Phase::kRunning:
    case Phase::kVerifying:
    case Phase::kHolding:
      return false;
    case Phase::kSucceeded:
    case Phase::kFailed:
    case Phase::kCancelled:
    case Phase::kObserved:
    case Phase::kReported:
      return true;
  }
  return false;
}

absl::Duration Trigger::HoldFor() const {
  if (hold_for) return *hold_for;
  return condition || lease ? absl::Minutes(3) : absl::ZeroDuration();
}

bool Trigger::OnlyOccurrences() const {
  return (events || changed || schedule || alert) && !condition && !lease && !absent && !increase &&
         match.empty();
}

std::vector<TargetKind> Target::Kinds() const {
  return kinds.empty() ? std::vector<TargetKind>{{api_version, kind}} : kinds;
}

std::vector<std::string> SetEnv::Containers() const {
  return container.empty() ? containers : std::vector<std::string>{container};
}

std::string_view ActionName(const Action& action) {
  struct Name {
    std::string_view operator()(const std::monostate&) const { return ""; }
    std::string_view operator()(const SetEnv&) const { return "setEnv"; }
    std::string_view operator()(const Patch&) const { return "patch"; }
    std::string_view operator()(const Apply&) const { return "apply"; }
    std::string_view operator()(const Scale&) const { return "scale"; }
    std::string_view operator()(const RolloutRestart&) const { return "rolloutRestart"; }
    std::string_view operator()(const DeletePod&) const { return "deletePod"; }
    std::string_view operator()(const Delete&) const { return "delete"; }
    std::string_view operator()(const Cordon&) const { return "cordon"; }
    std::string_view operator()(const Uncordon&) const { return "uncordon"; }
    std::string_view operator()(const Taint&) const { return "taint"; }
    std::string_view operator()(const Untaint&) const { return "untaint"; }
    std::string_view operator()(const Drain&) const { return "drain"; }
    std::string_view operator()(const DeleteNode&) const { return "deleteNode"; }
    std::string_view operator()(const RunNodeCommand&) const { return "nodeCommand"; }
    std::string_view operator()(const RecreateService&) const { return "recreateService"; }
    std::string_view operator()(const Webhook&) const { return "webhook"; }
    std::string_view operator()(const WaitFor&) const { return "waitFor"; }
    std::string_view operator()(const Notify&) const { return "notify"; }
  };
  return std::visit(Name{}, action);
}

}  // namespace kr::crds
