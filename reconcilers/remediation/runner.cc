#include "reconcilers/remediation/runner.h"

#include <algorithm>
#include <utility>

#include "controller/base/log.h"
#include "crds/meta/condition.h"
#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/reasons.h"
#include "reconcilers/remediation/effects_finalizer.h"
#include "reconcilers/remediation/registry.h"

namespace kr::remediation {

using crds::Phase;

Runner::Runner(Services& services, const World& world, policy::CompiledPolicyPtr policy,
               crds::Remediation remediation, StartFacts start, Callbacks callbacks)
    : services_(services),
      world_(world),
      policy_(std::move(policy)),
      start_(std::move(start)),
      callbacks_(std::move(callbacks)),
      writer_(services.api, services.engine, services.term,
              {.write_timeout = services.timing.write_timeout,
               .retry_initial = services.timing.retry_initial,
               .retry_max = services.timing.retry_max},
              std::move(remediation)),
      write_ahead_(services, writer_),
      self_(std::make_shared<Runner*>(this)) {}

Runner::~Runner() {
  if (drains_) services_.drains.Leave(remediation().metadata.name);
  services_.drains.EndRestarts(remediation().metadata.name);
  services_.engine.Cancel(timer_);
}

kube::ObjectKey Runner::target() const {
  const crds::ObjectReference& ref = remediation().spec.target_ref;
  return {ref.name_space, ref.name};
}

bool Runner::planned() const {
  return status().trigger && std::any_of(policy_->triggers.begin(), policy_->triggers.end(),
                                         [this](const policy::Trigger& trigger) {
                                           return trigger.planned &&
                                                  trigger.name == status().trigger->name;
                                         });
}

bool Runner::IsTarget(const document::Document& found) const {
  const std::string& uid = remediation().spec.target_ref.uid;
  return uid.empty() || found.uid() == uid;
}

void Runner::Advance() {
  if (ended_) return;
  if (busy_ || writer_.saving()) {
    again_ = true;
    return;
  }
  again_ = false;
  services_.engine.Cancel(timer_);
  timer_ = {};
  if (!status().phase) Begin();
  if (crds::IsFinal(*status().phase)) {
    if (HoldsMitigations(remediation())) return AdvanceAftermath();
    ended_ = true;  // before a crash that came before we knew
    return callbacks_.ended(*this);
  }
  ShareDrains();
  services_.drains.FollowRestarts(remediation());
  if (ending_) return Finish(*std::exchange(ending_, std::nullopt));
  if (auto end = MayStop()) return Finish(*std::move(end));
  // Rests on what it reads itself, whatever the caches say.
  if (InSection()) return AdvanceStep();
  if (auto stale = world_.Stale(*policy_)) return Idle(*stale);
  if (IsQueued() && !AdvanceQueue()) return;
  // One of ours that is Pending was admitted and waits for locks: the ladder asks for them again.
  if (status().phase == Phase::kPending && status().manual) return AdvancePending();
  if (planning_) return AdvancePlanning();
  if (Observes()) return AdvanceObserve();
  switch (*status().phase) {
    case Phase::kAwaitingApproval:
      return AdvanceApproval();
    case Phase::kVerifying:
    case Phase::kHolding:
      return AdvanceVerification();
    default:
      return AdvanceLadder();
  }
}

void Runner::OnRemediation(const crds::Remediation& newer) {
  writer_.Absorb(newer);
  Advance();
}

void Runner::OnDeleted() {
  deleted_ = true;
  if (!busy_ && !writer_.saving()) Stopped();
}

void Runner::OnPolicyGone() {
  policy_gone_ = true;
  Advance();
}

void Runner::OnTargetGone() {
  target_gone_ = true;
  Advance();
}

void Runner::Begin() {
  crds::RemediationStatus& status = mutable_status();
  status.policy_generation = policy_->generation;
  status.snapshot = crds::ToJson(crds::TakeSnapshot(policy_->spec)).dump();
  status.lineage = LineageOf(remediation());
  // Not known when its maker died before this and the target has not been evaluated since.
  if (!start_.trigger.empty()) status.trigger = {start_.trigger, start_.trigger_since};
  status.evidence = start_.evidence;
  status.ledger = start_.ledger;
  status.contended = start_.contended;
  status.detected_at = start_.detected_at;
  status.started_at = Now();
  status.manual = remediation().IsManual();
  InitLadder(*policy_, status);
  if (!Observes()) {
    for (const policy::Remedy& remedy : policy_->remedies) {
      for (size_t s = 0; s < remedy.steps.size(); ++s) {
        const policy::Step& step = remedy.steps[s];
        status.plan.push_back({.id = {remedy.name, 1, static_cast<int64_t>(s)},
                               .action = std::string(step.action->kind()),
                               .text = step.action->Describe()});
      }
    }
  }
  if (status.manual) {
    const std::string& by = remediation().spec.requested_by;
    Tell(runtime::Event::Type::kNormal, "RemediationStarted",
         "run by hand" + (by.empty() ? "" : ", by " + by));
    return EnterPhase(Phase::kPending, crds::reason::kPending, "waits until it may begin");
  }
  EnterPhase(Phase::kRunning, crds::reason::kRunning, "checking the target live");
  Tell(runtime::Event::Type::kNormal, "RemediationStarted",
       start_.trigger.empty() ? "taken over before it began"
                              : "trigger " + start_.trigger + " holds");
}

std::optional<Runner::End> Runner::ShouldStop() const {
  if (remediation().spec.cancel) {
    return End{Phase::kCancelled, crds::reason::kCancelRequested,
               "spec.cancel was set; changes that were made stay"};
  }
  if (remediation().metadata.deletion_timestamp) {
    return End{Phase::kCancelled, crds::reason::kCancelRequested,
               "the Remediation was deleted; changes that were made stay"};
  }
  if (policy_gone_) {
    return End{Phase::kCancelled, crds::reason::kPolicyGone,
               "policy " + policy_->name + " was deleted; changes that were made stay"};
  }
  // A step that removes the target itself is seen to its end first.
  if (target_gone_ && !DeletedTarget(remediation())) return TargetGone();
  return std::nullopt;
}

Runner::End Runner::TargetGone() const {
  const std::string target = remediation().spec.target_ref.ToString();
  if (DeletedTarget(remediation())) {
    return {Phase::kSucceeded, crds::reason::kCured,
            target + " was removed, as the remedy wants it; what takes its place is judged anew"};
  }
  return {Phase::kCancelled, crds::reason::kTargetGone,
          target + " was deleted or is not selected by the policy any more"};
}

void Runner::EnterPhase(Phase phase, std::string_view reason, std::string message) {
  crds::RemediationStatus& status = mutable_status();
  status.phase = phase;
  status.reason = reason;
  status.message = std::move(message);
  const auto known = std::find_if(status.phase_times.begin(), status.phase_times.end(),
                                  [&](const crds::PhaseTime& t) { return t.phase == phase; });
  if (known == status.phase_times.end()) {
    status.phase_times.push_back({phase, Now()});
  } else {
    known->at = Now();
  }
  Describe(*policy_, status);
  dirty_ = true;
  // A new phase is news, not mere progress.
  last_save_ = MonotonicTime();
}

void Runner::Finish(End end) {
  // Of one that failed they stay, and so does its slot.
  if (end.phase != Phase::kFailed && !Outstanding(actions::Reversal::kMitigation).empty()) {
    ending_ = end;
    if (ReleaseMitigations()) return;
    ending_.reset();
  }
  if (end.phase == Phase::kReported && policy_->keeps_baseline) {
    // Told once for each change.
    if (const document::DocumentPtr document = world_.Target(*policy_, target())) {
      const policy::TargetView view(*policy_, document, world_.Around(*policy_),
                                    {.now = Now(), .remediation = Facts()});
      callbacks_.remediated(*document, view, Now());
    }
  }
  crds::RemediationStatus& status = mutable_status();
  // The status before the end is what the ledger asks about.
  const crds::Ledger ledger = callbacks_.close_ledger(remediation(), end.phase);
  if (status.intent) write_ahead_.Resolve(crds::WriteOutcome::kUnknown, {});
  status.ledger = ledger;
  status.finished_at = Now();
  status.holding.reset();
  const std::string message = end.message;
  EnterPhase(end.phase, end.reason, std::move(end.message));
  const bool good = end.phase == Phase::kSucceeded || end.phase == Phase::kObserved ||
                    end.phase == Phase::kReported;
  const int64_t generation = remediation().metadata.generation;
  crds::SetCondition(status.conditions,
                     {.type = std::string(crds::kConditionComplete),
                      .status = crds::ConditionStatus::kTrue,
                      .reason = end.reason,
                      .message = message},
                     generation, Now());
  crds::SetCondition(status.conditions,
                     {.type = std::string(crds::kConditionFailed),
                      .status = end.phase == Phase::kFailed ? crds::ConditionStatus::kTrue
                                                            : crds::ConditionStatus::kFalse,
                      .reason = end.reason,
                      .message = message},
                     generation, Now());
  Tell(good ? runtime::Event::Type::kNormal : runtime::Event::Type::kWarning,
       "Remediation" + std::string(crds::ToString(end.phase)), message);
  writer_.Save([this](SaveResult result) {
    if (!Continue(result)) return;
    callbacks_.concluded(*this);
    Advance();  // nothing is left to do, or what the end left behind
  });
}

void Runner::Stopped() {
  ended_ = true;
  services_.engine.Cancel(timer_);
  callbacks_.ended(*this);
}

bool Runner::Continue(SaveResult result) {
  switch (result) {
    case SaveResult::kSaved:
      TellNode();
      TellWait();
      dirty_ = false;
      last_save_ = services_.engine.Now();
      if (!deleted_) return true;
      Stopped();
      return false;
    case SaveResult::kTooLarge:
      // Nothing was written yet that is not in the log; keep what explains and drop what is large.
      mutable_status().intent.reset();
      for (crds::PlannedStep& step : mutable_status().plan) step.body.clear();
      for (crds::StepProgress& step : mutable_status().steps) step.memo = crds::RawJson();
      mutable_status().evidence.clear();
      mutable_status().snapshot.clear();
      Fail(crds::refusal::kPlanTooLarge,
           "the plan and its memory would not fit into the 256 KiB of a status; nothing more was "
           "written. Make the policy's patches smaller or its steps fewer.");
      return false;
    case SaveResult::kTakenOver:
      log::Warning("Remediation was taken over by another instance",
                   {{"remediation", remediation().metadata.name}});
      taken_over_ = true;
      [[fallthrough]];
    case SaveResult::kGone:
      Stopped();
      return false;
  }
  return false;
}

void Runner::Idle(std::string_view reason, std::string message, absl::Time until) {
  // What it ended with stays to be read.
  if (crds::IsFinal(*status().phase)) return WakeAt(until);
  crds::RemediationStatus& status = mutable_status();
  if (status.reason != reason || status.message != message) {
    status.reason = reason;
    status.message = std::move(message);
    dirty_ = true;
  }
  Describe(*policy_, status);
  WakeAt(until);
  if (!dirty_) return;
  const MonotonicTime due = last_save_ + services_.timing.progress;
  const bool news = last_save_ == MonotonicTime();
  if (news || due <= services_.engine.Now()) return Save();
  WakeAt(Now() + (due - services_.engine.Now()));
}

void Runner::Idle(const limits::Refusal& refusal) {
  Idle(limits::Name(refusal.reason), refusal.message,
       std::min(refusal.next_check, Now() + services_.timing.retry_max));
}

void Runner::TellNode() {
  NodeConditions wanted = ConditionsOf(remediation());
  if (wanted.empty() || wanted == told_node_ || Observes()) return;
  told_node_ = wanted;
  services_.api.Send(PatchNodeConditions(remediation().spec.target_ref.name, wanted, Now(),
                                         services_.timing.write_timeout),
                     [weak = std::weak_ptr(self_)](StatusOr<kube::Reply> reply) {
                       auto self = weak.lock();
                       if (!self || reply.ok() || absl::IsNotFound(reply.status())) return;
                       if (absl::IsPermissionDenied(reply.status())) {
                         return (*self)->Tell(runtime::Event::Type::kWarning,
                                              "NodeConditionsDenied",
                                              "the conditions of the Node do not tell of this: " +
                                                  std::string(Message(reply.status())));
                       }
                       (*self)->told_node_.clear();  // with the next save
                     },
                     {.permit = runtime::PermitNeed::kWrite, .lane = runtime::Lane::kBackground});
}

void Runner::TellWait() {
  std::string wait;
  if (IsStalled(remediation())) wait = status().reason + ": " + status().message;
  if (wait == told_wait_) return;
  told_wait_ = std::move(wait);
  callbacks_.waits(remediation());
}

void Runner::WakeAt(absl::Time when) {
  if (when == absl::InfiniteFuture()) return;
  const MonotonicTime due = services_.engine.Now() + std::max(when - Now(), absl::ZeroDuration());
  // The earliest wish wins; Advance begins with a clean slate.
  if (services_.engine.Cancel(timer_)) {
    wake_at_ = std::min(wake_at_, due);
  } else {
    wake_at_ = due;
  }
  timer_ = services_.engine.At(wake_at_, [this] {
    timer_ = {};
    Advance();
  });
}

void Runner::Save() {
  writer_.Save([this](SaveResult result) {
    // The time to look again is set; only news that came meanwhile is a reason to do it sooner.
    if (Continue(result) && again_) Advance();
  });
}

void Runner::Tell(runtime::Event::Type type, std::string_view reason, std::string note) {
  const crds::ObjectReference& ref = remediation().spec.target_ref;
  const runtime::ObjectReference target{ref.api_version, ref.kind, ref.name_space, ref.name,
                                        ref.uid};
  const runtime::ObjectReference own{std::string(crds::kApiVersion),
                                     std::string(crds::kRemediationKind), "",
                                     remediation().metadata.name, remediation().metadata.uid};
  runtime::Event event{.type = type,
                       .reason = std::string(reason),
                       .action = "Remediate",
                       .note = "policy " + policy_->name + ": " + std::move(note),
                       .regarding = target,
                       .related = own};
  services_.events.Record(event);
  // `kubectl describe` of the target tells the story. That of the Remediation shows its status,
  // which has every step: besides, it is told only what went wrong.
  if (type == runtime::Event::Type::kNormal) return;
  std::swap(event.regarding, *event.related);
  services_.events.Record(event);
}

std::string_view Runner::ReasonOfPhase() const {
  switch (*status().phase) {
    case Phase::kHolding:
      return crds::reason::kHolding;
    case Phase::kVerifying:
      return crds::reason::kVerifying;
    default:
      return crds::reason::kRunning;
  }
}

void Runner::Does(std::string what) {
  crds::RemediationStatus& status = mutable_status();
  if (crds::IsFinal(*status.phase)) return;
  status.reason = ReasonOfPhase();
  status.message = std::move(what);
  Describe(*policy_, status);
}

policy::RemediationFacts Runner::Facts() const {
  policy::RemediationFacts facts{.name = remediation().metadata.name,
                                 .trigger = status().trigger ? status().trigger->name : "",
                                 .started_at = status().started_at.value_or(Now())};
  if (const auto rung = CurrentRung(status())) {
    facts.rung_finished_at = status().remedies[*rung].steps_done_at;
  }
  if (!status().record.empty()) facts.record = status().record.Parse();
  if (policy_->reads_previous) facts.previous = world_.Before(remediation());
  return facts;
}

policy::Evaluation Runner::EvaluateCached(absl::Time events_since) const {
  const policy::TargetView view(
      *policy_, world_.Target(*policy_, target()), world_.Around(*policy_),
      {.now = Now(), .remediation = Facts(), .events_since = events_since});
  return policy::Evaluate(*policy_, view);
}

}  // namespace kr::remediation
