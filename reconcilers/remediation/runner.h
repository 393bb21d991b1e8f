#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "reconcilers/remediation/environment.h"
#include "reconcilers/remediation/ladder.h"
#include "reconcilers/remediation/live_check.h"
#include "reconcilers/remediation/status_writer.h"
#include "reconcilers/remediation/verification.h"
#include "reconcilers/remediation/write_ahead.h"

namespace kr::remediation {

// What a remediation starts from; goes into its first status.
struct StartFacts {
  absl::Time detected_at;
  std::string trigger;
  absl::Time trigger_since;
  std::vector<crds::Evidence> evidence;
  crds::Ledger ledger;
  std::optional<crds::Contended> contended;  // of the predecessor
  bool reverted = false;  // the predecessor's change is gone: somebody set it back
};

// Carries one Remediation through: live check, steps, verification, next rung, end. A level-driven
// state machine: Advance looks at the status (the write-ahead log) and at the world and does the
// one next thing; whatever happens, it is asked again. So a restart is nothing special. Engine
// thread only.
class Runner {
 public:
  struct Callbacks {
    // The ledger after ending in `phase` (which the status does not have yet).
    std::function<crds::Ledger(const crds::Remediation&, crds::Phase phase)> close_ledger;
    // Takes the locks on `objects` before the first write of a rung: all of them, or none and says
    // who has one.
    std::function<std::optional<limits::Refusal>(const crds::Remediation&,
                                                 std::span<const crds::ObjectReference> objects)>
        claim;
    // The target was remediated as it is now: its value is what `changed` compares with from now
    // on.
    std::function<void(const document::Document& target, const signals::View& view,
                       absl::Time steps_done)>
        remediated;
    // The end is written down, or it is not ours any more (taken over, deleted). Last call; the
    // runner may be destroyed after it returned, not within.
    std::function<void(Runner&)> ended;
    // It holds no slot any more: it waits for a person.
    std::function<void(const crds::Remediation&)> released;
  };

  // References outlive the runner. `remediation` as the server has it; with a phase in its status
  // it is continued, otherwise begun from `start`.
  Runner(Services& services, const World& world, policy::CompiledPolicyPtr policy,
         crds::Remediation remediation, StartFacts start, Callbacks callbacks);
  ~Runner();

  // Does what can be done now. Call it once to begin, and whenever something changed: the target,
  // its surroundings, the policy, the permit.
  void Advance();

  void OnRemediation(const crds::Remediation& newer);  // spec.cancel
  void OnDeleted();                                    // the Remediation itself
  void OnPolicyGone();
  void OnTargetGone();  // deleted, or not selected any more

  const crds::Remediation& remediation() const { return writer_.remediation(); }
  const crds::RemediationStatus& status() const { return writer_.status(); }
  const policy::CompiledPolicyPtr& policy() const { return policy_; }
  kube::ObjectKey target() const;
  bool ended() const { return ended_; }
  // It was started by a trigger with a schedule.
  bool planned() const;
  // It ended here because another instance has written since.
  bool taken_over() const { return taken_over_; }

 private:
  struct End {
    crds::Phase phase;
    std::string_view reason;
    std::string message;
  };

  // runner.cc: beginning, ending, waiting.
  void Begin();
  std::optional<End> ShouldStop() const;
  // Whether the object, or empty place, is what this is about: for a place any object that came.
  bool IsTarget(const document::Document& found) const;
  void Finish(End end);
  void Fail(std::string_view reason, std::string message) {
    Finish({crds::Phase::kFailed, reason, std::move(message)});
  }
  void Stopped();  // not ours any more
  void EnterPhase(crds::Phase phase, std::string_view reason, std::string message);
  // Nothing can be done before `until` (or a change): says so in the status.
  void Idle(std::string_view reason, std::string message, absl::Time until);
  void Idle(const limits::Refusal& refusal);
  void WakeAt(absl::Time when);
  void Save();
  bool Continue(SaveResult result, const Status& error);  // false: it is over
  void Tell(runtime::Event::Type type, std::string_view reason, std::string note);
  absl::Time Now() const { return services_.engine.clock().Now(); }
  crds::RemediationStatus& mutable_status() { return writer_.status(); }
  policy::RemediationFacts Facts() const;
  policy::Evaluation EvaluateCached(absl::Time events_since) const;

  // runner_approval.cc: being admitted late, and asking a person before a rung.
  void AdvancePending();
  void AdvanceApproval();
  bool NeedsApproval(size_t rung) const;
  // Of the next attempt of the rung; null when nobody was asked yet.
  crds::ApprovalRecord* FindRequest(size_t rung);
  // Reads a decision in the spec into the record; true when that ended the remediation.
  bool TakeDecision(crds::ApprovalRecord& request);
  void PlanForApproval(size_t rung, const nlohmann::json& target);
  void OnRungPlanned(std::vector<crds::PlannedStep> plan);
  // Says that a person is waited for.
  void AwaitPerson(const crds::ApprovalRecord& request, bool changed);
  void AskPerson(size_t rung, std::vector<crds::PlannedStep> plan, bool changed);
  // Out of AwaitingApproval, if it is there: false when there is no slot (and says so).
  bool TakeSlot();

  // runner_rung.cc: the live check and the ladder.
  void AdvanceLadder();
  void CheckLive();
  void OnLive(StatusOr<LiveState> live);
  bool CountRevert(const nlohmann::json& live);  // true: contended, it is over
  bool TakeLocks(size_t rung);                   // false: it waits for them
  void RungFailed(std::string_view reason, std::string message);

  // runner_plan.cc: whether the log of the whole plan fits into the status.
  std::optional<actions::ObjectRef> UnreadOfPlan() const;
  void ReadForPlan(const actions::ObjectRef& ref);
  std::optional<std::string> PlanTooLarge(const nlohmann::json& target);

  // runner_step.cc: the steps of a rung, rollback.
  void AdvanceStep();
  void AskStep(size_t progress, const policy::Step& step);
  void OnNext(size_t progress, const policy::Step& step, actions::Next next);
  void ReadObject(const actions::ObjectRef& ref);
  void AskServer(actions::DryRun question);
  void OnDryRun(StatusOr<kube::Reply> reply);
  // What was read of the step's object is old: it was written, or another object is meant.
  void ForgetLive();
  void ExecuteWrite(size_t progress, const policy::Step& step, actions::Write write);
  void OnWritten(WriteAhead::Result result);
  void StepEnded(size_t progress, crds::StepState state, std::string message);
  void StepFailed(size_t progress, const policy::Step& step);
  bool RollBackNext(size_t failed);
  std::optional<actions::ObjectRef> RefOf(const policy::Step& step) const;
  actions::Observed Observe(const actions::ObjectRef& ref, absl::Time step_started);

  // runner_verify.cc: verification, holding, contention.
  void AdvanceVerification();
  bool OwnWritesSeen() const;
  std::optional<size_t> RevertedStep(const document::Document& target) const;
  void OnReverted(size_t progress);

  // runner_observe.cc: rungs as they would be carried out now, with nothing written.
  bool Observes() const;
  void AdvanceObserve();
  void AdvancePlanning();
  void PlanNext(const policy::Step& step, actions::Next next);
  void Plan(const policy::Step& step, std::string text, std::string body,
            std::optional<crds::WriteOutcome> validation, std::string message);

  Services& services_;
  const World& world_;
  const policy::CompiledPolicyPtr policy_;
  const StartFacts start_;
  const Callbacks callbacks_;
  StatusWriter writer_;
  WriteAhead write_ahead_;

  bool busy_ = false;   // a request or live read is under way
  bool again_ = false;  // Advance was asked for meanwhile
  bool ended_ = false;
  bool taken_over_ = false;
  bool deleted_ = false;
  bool policy_gone_ = false;
  bool target_gone_ = false;
  runtime::TimerId timer_{};
  MonotonicTime wake_at_;  // of timer_
  bool dirty_ = false;     // the status in memory says more than the server's
  MonotonicTime last_save_;
  absl::Duration retry_;
  absl::Time retry_at_ = absl::InfinitePast();  // no write before, whatever wakes us

  // Of the rung at hand.
  std::unique_ptr<LiveRead> live_read_;
  bool checked_live_ = false;
  std::optional<Verification> verification_;
  // Before the first write: that the plan fits, and the objects of applyTo that it was made with.
  bool plan_fits_ = false;
  std::map<std::string, nlohmann::json> plan_objects_;
  // Of the step at hand. A dry-run is about a live object: they go together.
  std::optional<nlohmann::json> live_;
  std::optional<nlohmann::json> dry_run_;
  nlohmann::json wait_memo_;
  // While rungs are planned.
  struct Planning {
    size_t rung = 0;  // rung and step that come next
    size_t step = 0;
    size_t end = 0;                      // the rung after the last one
    std::vector<std::string> validated;  // objects whose first write the server has seen
    std::vector<crds::PlannedStep> plan;
  };
  std::optional<Planning> planning_;

  // Callbacks hold it weakly.
  std::shared_ptr<Runner*> self_;
};

}  // namespace kr::remediation
