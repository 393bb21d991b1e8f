// What a step works on when it is not the target: chosen once, as the live state is, and in the
// status before anything is written, so that a crash goes on with the same objects.
#include <algorithm>
#include <utility>

#include "crds/meta/duration.h"
#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/reasons.h"
#include "crds/v1alpha1/remediation_fields.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {
namespace {

// How long the choice may be unknown (a kind is being listed again) before the step fails.
constexpr absl::Duration kChoicePatience = absl::Minutes(1);
// What an object that is worked on adds to the log at least.
constexpr size_t kBytesPerObject = 1024;
// Caches and controllers need a moment to know what was done: nothing that is true at once counts.
constexpr absl::Duration kSettle = absl::Seconds(1);

}  // namespace

bool Runner::HasToChoose(size_t index, const policy::Step& step) const {
  const crds::StepProgress& progress = status().steps[index];
  if (progress.state != crds::StepState::kPending || progress.id.item > 0) return false;
  return step.apply_to || std::holds_alternative<crds::Apply>(step.spec.action);
}

StatusOr<policy::Choice> Runner::Choose(const policy::Step& step, const policy::TargetView& view,
                                        const policy::Surroundings& around) const {
  policy::Choice choice;
  if (step.apply_to) {
    KR_ASSIGN_OR_RETURN(choice, policy::Choose(*step.apply_to, view, around));
  } else {
    const actions::Evaluate evaluate =
        [&](const cel::Program& program) -> StatusOr<nlohmann::json> {
      const auto value = program.Evaluate(view, view.now()).value;
      KR_RETURN_IF_ERROR(value.status());
      return value->ToJson();
    };
    KR_ASSIGN_OR_RETURN(auto object, step.action->Object(evaluate));
    choice.objects = {object.value_or(remediation().spec.target_ref)};
    choice.matching = 1;
  }
  for (crds::ObjectReference& object : choice.objects) {
    const auto resource =
        world_.Find(kube::GroupVersionKind::FromApiVersion(object.api_version, object.kind));
    if (!resource) return Unavailable("discovery does not know where " + object.kind + " lives");
    if (!resource->namespaced) {
      object.name_space.clear();
    } else if (object.name_space.empty()) {
      object.name_space = target().name_space;
    }
  }
  return choice;
}

void Runner::ChooseObjects(size_t index, const policy::Step& step) {
  if (!seen_live_) return CheckLive();
  crds::StepProgress& progress = mutable_status().steps[index];
  if (!progress.started_at) progress.started_at = Now();
  const LiveSurroundings around(*seen_live_, *policy_, world_.Around(*policy_));
  const policy::TargetView view(*policy_, seen_live_->document, around,
                                {.now = Now(), .remediation = Facts()});
  auto choice = Choose(step, view, around);
  seen_live_.reset();
  if (!choice.ok()) {
    std::string why(Message(choice.status()));
    if (Now() >= *progress.started_at + kChoicePatience) {
      return StepEnded(index, crds::StepState::kFailed, "ObjectsUnknown: " + std::move(why));
    }
    return Idle(crds::reason::kRunning, "what the step works on is unknown: " + std::move(why),
                Now() + services_.timing.retry_initial);
  }
  if (const auto unseen = NotApproved(index, step, choice->objects)) {
    const size_t rung = *CurrentRung(status());
    if (!LastWrite(status(), rung)) return AskAgain(rung);
    return StepEnded(index, crds::StepState::kFailed,
                     "NotApproved: the step would work on " + unseen->ToString() +
                         ", which is not in the plan that was approved");
  }
  if (choice->objects.empty()) {
    return StepEnded(
        index, crds::StepState::kSkipped,
        "there is nothing to do: related." + step.apply_to->spec.related +
            (step.apply_to->where ? " has no object for which where is true" : " is empty"));
  }
  const size_t entries = status().steps.size() + choice->objects.size();
  const size_t bytes =
      crds::ToJson(status()).dump().size() + choice->objects.size() * kBytesPerObject;
  if (entries > crds::kMaxRecordedSteps || bytes > crds::kMaxStatusBytes) {
    return Fail(crds::refusal::kPlanTooLarge,
                "the log of " + std::to_string(choice->objects.size()) +
                    " objects does not fit into the status; nothing of this step was written. "
                    "Lower applyTo.max.");
  }
  if (choice->matching > choice->objects.size()) {
    Tell(runtime::Event::Type::kNormal, "ObjectsChosen",
         "step " + std::to_string(progress.id.step + 1) + " works on " +
             std::to_string(choice->objects.size()) + " of " + std::to_string(choice->matching) +
             " objects (applyTo.max)");
  }
  SetObjects(index, choice->objects, mutable_status());
  at_hand_.clear();
  dirty_ = true;
  Advance();
}

Runner::Paused Runner::AskAfter(size_t index, const policy::Step& step) {
  AtHand& hand = Hand(index);
  if (!hand.live) {
    ReadObject(index);
    return std::nullopt;
  }
  const crds::WaitFor& wait = *step.apply_to->spec.wait_for;
  const absl::Time acted_at = *status().steps[index].acted_at;
  const absl::Time deadline = acted_at + wait.timeout;
  const policy::TargetView view(*policy_, world_.Target(*policy_, target()),
                                world_.Around(*policy_), {.now = Now(), .remediation = Facts()});
  const policy::ItView with_it(view, cel::Value::FromJson(*hand.live));
  std::string where = "not true yet";
  bool holds = false;
  if (OwnWritesSeen()) {
    const auto value = step.apply_to->wait_for->Evaluate(with_it, Now()).value;
    if (!value.ok()) where = "cannot be evaluated: " + std::string(Message(value.status()));
    holds = value.ok() && value->AsBool() != nullptr && *value->AsBool();
  }
  if (!holds) hand.true_since.reset();
  if (holds && !hand.true_since) hand.true_since = Now();
  const absl::Duration hold_for = std::max(wait.hold_for, kSettle);
  if (holds && Now() >= *hand.true_since + hold_for) {
    StepEnded(index, crds::StepState::kSucceeded,
              status().steps[index].message + "; then " + wait.expression);
    return std::nullopt;
  }
  if (Now() >= deadline) {
    StepEnded(index, crds::StepState::kFailed,
              "Timeout: done, and still waiting after " + crds::FormatDuration(wait.timeout) +
                  " until " + wait.expression + " (" + where + ")");
    return std::nullopt;
  }
  hand.reread_at = std::min(hand.reread_at, Now() + kSettle);
  const absl::Time next = holds ? *hand.true_since + hold_for : hand.reread_at;
  return actions::Wait{
      .until = std::min(deadline, std::min(next, hand.reread_at)),
      .progress = "waiting until " + wait.expression + (holds ? "" : " (" + where + ")"),
      .memo = nullptr};
}

std::optional<actions::ObjectRef> Runner::RefOf(const crds::ObjectReference& object) const {
  const auto resource =
      world_.Find(kube::GroupVersionKind::FromApiVersion(object.api_version, object.kind));
  if (!resource) return std::nullopt;
  return actions::ObjectRef{*resource, {object.name_space, object.name}, object.uid};
}

std::optional<actions::ObjectRef> Runner::RefOf(const crds::StepProgress& progress) const {
  return RefOf(progress.object.value_or(remediation().spec.target_ref));
}

}  // namespace kr::remediation
