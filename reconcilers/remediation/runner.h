#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reconcilers/actions/managed_fields.h"
#include "reconcilers/drain/plan.h"
#include "reconcilers/remediation/environment.h"
#include "reconcilers/remediation/ladder.h"
#include "reconcilers/remediation/live_check.h"
#include "reconcilers/remediation/node_conditions.h"
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
    // The final phase is written down.
    std::function<void(Runner&)> concluded;
    // And nothing of it is outstanding; or it is not ours any more (taken over, deleted). Last
    // call; the runner may be destroyed after it returned, not within.
    std::function<void(Runner&)> ended;
    // It holds no slot any more: it waits for a person.
    std::function<void(const crds::Remediation&)> released;
    // Its status says something else than before about what it waits for.
    std::function<void(const crds::Remediation&)> waits;
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
  // A NodeTask came, changed or went: maybe one that a step has ordered and waits for.
  void OnNodeTask(std::string_view name);

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
    End(crds::Phase in, std::string_view why, std::string text)
        : phase(in), reason(why), message(std::move(text)) {}

    crds::Phase phase;
    std::string reason;
    std::string message;
  };

  // runner.cc: beginning, ending, waiting.
  void Begin();
  std::optional<End> ShouldStop() const;
  // Whether the object, or empty place, is what this is about: for a place any object that came.
  bool IsTarget(const document::Document& found) const;
  End TargetGone() const;
  bool deletion_wanted() const { return remediation().metadata.deletion_timestamp.has_value(); }
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
  // Best effort, as Events are: what the Node itself says of this.
  void TellNode();
  void TellWait();
  bool Continue(SaveResult result);  // false: it is over
  void Tell(runtime::Event::Type type, std::string_view reason, std::string note);
  std::string_view ReasonOfPhase() const;  // what a wait within the phase is called
  // What it is doing, so it does not wait any more.
  void Does(std::string what);
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
  void PlanForApproval(size_t rung);
  void OnRungPlanned(std::vector<crds::PlannedStep> plan);
  // Says that a person is waited for.
  void AwaitPerson(const crds::ApprovalRecord& request, bool changed);
  void AskPerson(size_t rung, std::vector<crds::PlannedStep> plan, bool changed);
  // The first of what a step would work on that the person who approved the rung was not shown.
  std::optional<crds::ObjectReference> NotApproved(
      size_t index, const policy::Step& step, std::span<const crds::ObjectReference> objects) const;
  // Back to the question: it began, has written nothing, and the plan is another one.
  void AskAgain(size_t rung);
  // Out of AwaitingApproval, if it is there: false when there is no slot (and says so).
  bool TakeSlot();

  // runner_rung.cc: the live check and the ladder.
  void AdvanceLadder();
  void CheckLive();
  void OnLive(StatusOr<LiveState> live);
  // The cache shows something else than the API server.
  void AwaitCache(std::string message);
  void KeepRecord(const policy::Remedy& remedy);
  // Of our change of `fields` of `object`; true: contended, it is over.
  bool CountRevert(const nlohmann::json& live, const crds::ObjectReference& object,
                   std::span<const actions::FieldPath> fields);
  // What the policy's remedies change of the target.
  std::vector<actions::FieldPath> ChangedFields() const;
  bool TakeLocks(size_t rung);  // false: it waits for them
  void RungFailed(std::string_view reason, std::string message);
  End EndOfLadder() const;

  // runner_plan.cc: whether the log of the whole plan fits into the status.
  struct PlanObjects;
  PlanObjects ObjectsOfPlan(const policy::Step& step, const policy::TargetView& view,
                            const policy::Surroundings& around) const;
  std::optional<actions::ObjectRef> UnreadOfPlan(const policy::TargetView& view,
                                                 const policy::Surroundings& around) const;
  static std::string PlanKey(const actions::ObjectRef& ref);  // into plan_objects_
  std::optional<std::string> PlanTooLarge(const nlohmann::json& target,
                                          const policy::TargetView& view,
                                          const policy::Surroundings& around);

  // What is known of a step's object while the step runs; a process takes it along when it dies.
  struct AtHand {
    std::optional<nlohmann::json> live;
    std::optional<nlohmann::json> dry_run;  // is about `live`: they go together
    Status dry_run_refused;
    std::map<std::string, actions::Seen, std::less<>> looked;
    std::optional<actions::Answer> answer;
    std::map<std::string, drain::Tried> tried;  // by UID
    nlohmann::json wait_memo;
    bool shown = false;  // ShowObjectsOf
    absl::Time reread_at = absl::InfiniteFuture();
    std::string refusal;
    std::optional<absl::Time> true_since;  // applyTo.waitFor
    absl::Duration retry;
    absl::Time retry_at = absl::InfinitePast();  // no write before, whatever wakes us

    void ForgetLive();
  };
  // An answer that leaves nothing to do for now.
  using Paused = std::optional<actions::Wait>;

  // runner_step.cc: the steps of a rung. `index` is one into status.steps throughout. Paused:
  // nothing is under way; otherwise something is, or the remediation went on.
  void AdvanceStep();
  bool AdvanceObjects(const policy::Step& step, const std::vector<size_t>& indexes);
  Paused AskStep(size_t index, const policy::Step& step);
  Paused OnNext(size_t index, const policy::Step& step, actions::Next next);
  void StepEnded(size_t index, crds::StepState state, std::string message);
  void StepFailed(size_t index, const policy::Step& step);
  AtHand& Hand(size_t index);

  // runner_apply_to.cc: what a step works on, and the wait after each object.
  bool HasToChoose(size_t index, const policy::Step& step) const;
  void ChooseObjects(size_t index, const policy::Step& step);
  StatusOr<policy::Choice> Choose(const policy::Step& step, const policy::TargetView& view,
                                  const policy::Surroundings& around) const;
  Paused AskAfter(size_t index, const policy::Step& step);
  std::optional<actions::ObjectRef> RefOf(const crds::ObjectReference& object) const;
  std::optional<actions::ObjectRef> RefOf(const crds::StepProgress& progress) const;

  // runner_object.cc: what actions ask to see.
  actions::Observed Observe(const actions::ObjectRef& ref, const crds::StepId& step,
                            absl::Time step_started, const AtHand& hand);
  bool IsApproved(const crds::StepId& step) const;  // by a person
  void ReadObject(size_t index);
  // GET: null when there is no such object. `then` is not called for other errors: they are told
  // and it is tried again; nor is it when the runner is gone.
  void Fetch(const actions::ObjectRef& ref, std::function<void(nlohmann::json live)> then);
  // The same with the error.
  void TryFetch(const actions::ObjectRef& ref,
                std::function<void(StatusOr<nlohmann::json> live)> then);
  void FetchLater(const Status& error);
  // When what the server did not answer, or not now, is tried again: later each time in a row.
  absl::Time NextTry();
  void Answered() { pause_ = absl::ZeroDuration(); }
  // A read that was refused for want of permission ends its step, as a write does; not while
  // something has to be completed, or is taken back.
  bool EndsUnread(size_t index, const Status& error);
  // `look`: the name of what is looked at; nullopt: the question is a dry-run.
  void AskServer(size_t index, kube::HttpRequest question, std::optional<std::string> look);
  void OnAnswer(size_t index, const std::optional<std::string>& look, StatusOr<kube::Reply> reply);

  // runner_write.cc: the one write. nullopt of MayAct: it is still wanted, now.
  std::optional<Paused> MayAct(size_t index, const policy::Step& step);
  bool MayTouch(size_t index, const policy::Step& step);
  Paused ExecuteWrite(size_t index, const policy::Step& step, actions::Write write);
  void OnWritten(size_t index, bool rollback, WriteAhead::Result result);
  // Of an effect that is to be taken back: the finalizer comes first.
  bool NeedsFinalizer(const policy::Step& step) const;
  void PutFinalizer();

  // runner_batch.cc: several writes at once, and what drains share.
  // Of an action that NeedsCluster: MayAct has let it be asked.
  void ExecuteBatch(size_t index, const policy::Step& step, actions::Batch batch);
  void OnBatch(size_t index, const std::vector<crds::ObjectReference>& objects,
               WriteAhead::BatchResult result);
  void OnSettled(size_t index, const actions::Settled& settled);
  void Record(size_t index, const crds::Intent& intent, const crds::ObjectReference& object,
              crds::WriteOutcome outcome);
  // Beside the step's line of the plan: one for each object.
  void PlanObjectsOf(size_t index, const policy::Step& step);
  // The same when the step begins, whether it will write or not.
  void ShowObjectsOf(size_t index, const policy::Step& step);
  // Whether a drain is ahead or under way; says so to those who share.
  void ShareDrains();
  void KeepBlockedTime(const actions::Wait* wait);

  // runner_queue.cc: a drain that a StatefulSet keeps waiting gives its node back for a while.
  bool GivesBack(size_t index, const actions::Wait& wait);
  bool IsQueued() const;
  bool AdvanceQueue();  // true: the rung may begin again

  // runner_call.cc: calls of webhooks.
  Paused ExecuteCall(size_t index, const policy::Step& step, actions::Call call);
  void OnCalled(size_t index, WriteAhead::CallResult result);
  void KeepEvidence(size_t index, const actions::Done& done);

  // runner_section.cc: what must be completed once it was begun.
  std::vector<size_t> BegunSections() const;  // into status.steps
  bool InSection() const;
  std::string SectionOutcome() const;  // how the last one ended, "" when there was none
  // Why it has to stop, when it is not in a section that goes first.
  std::optional<End> MayStop() const;

  // runner_rollback.cc: changes are taken back.
  const policy::Step* StepOf(const crds::StepProgress& progress) const;
  bool IsOutstanding(const crds::StepProgress& progress) const;
  bool TakeBackNext(const std::vector<size_t>& changes);
  void TakenBack(size_t index, const std::string& left);

  // runner_release.cc: mitigations.
  std::vector<size_t> Outstanding(actions::Reversal reversal) const;  // the last one first
  bool ReleaseMitigations();
  // After the end of one that failed.
  void AdvanceAftermath();
  std::optional<absl::Time> ReleaseDue();  // nullopt: not as things are

  // runner_revert.cc: held open after the cure, for recovery.revert.
  bool RevertBegun() const;
  void HoldForRevert();
  void AwaitRevert(const policy::Verdict& cured, const signals::View& view, absl::Time until);
  void OnHeldLive(LiveState live);
  void TakeChangesBack();
  End Cured() const;
  std::string TextOf(const crds::StepProgress& progress) const;

  // runner_verify.cc: verification, holding, contention.
  void AdvanceVerification();
  absl::Time StepsAnswered() const;  // Events before are answered by the rung
  bool OwnWritesSeen() const;
  std::optional<size_t> RevertedStep(const document::Document& target) const;
  void OnReverted(size_t progress);

  // runner_contention.cc: changes of other objects than the target, by index into status.steps.
  std::vector<size_t> ChangesElsewhere() const;  // of the current attempt, that are to hold
  const policy::Step& StepAt(size_t rung, const crds::StepProgress& progress) const;
  // By what a join shows of the object; nullopt: none does (yet).
  std::optional<bool> HoldsInCache(size_t index, const document::Document& target) const;
  std::optional<size_t> RevertedElsewhere(const document::Document& target) const;
  // One that no join shows and that was not read since the target is cured.
  std::optional<size_t> UnconfirmedChange(const document::Document& target) const;
  void ConfirmChange(size_t index);

  // runner_observe.cc: rungs as they would be carried out now, with nothing written.
  bool Observes() const;
  void AdvanceObserve();
  void AdvancePlanning();
  void PlanNext(const policy::Step& step, const crds::ObjectReference& object, actions::Next next);
  // Of an action that works on many objects: one line for each of them.
  void PlanForeseen(const policy::Step& step, const crds::ObjectReference& object,
                    const actions::ObjectRef& ref);
  void LookToPlan(actions::Look look);
  void PlanUnread(const Status& error);
  crds::StepId PlannedId(const policy::Step& step) const;
  void Plan(const policy::Step& step, const std::optional<crds::ObjectReference>& object,
            std::string text, std::string body, std::optional<crds::WriteOutcome> validation,
            std::string message);

  Services& services_;
  const World& world_;
  const policy::CompiledPolicyPtr policy_;
  const StartFacts start_;
  const Callbacks callbacks_;
  StatusWriter writer_;
  WriteAhead write_ahead_;

  bool busy_ = false;                            // a request or live read is under way
  absl::Duration pause_ = absl::ZeroDuration();  // the last one of NextTry
  bool again_ = false;                           // Advance was asked for meanwhile
  bool ended_ = false;
  bool taken_over_ = false;
  bool deleted_ = false;
  bool policy_gone_ = false;
  bool target_gone_ = false;
  NodeConditions told_node_;              // what this process has last written there
  std::string told_wait_;                 // Callbacks::waits
  std::string taking_back_;               // what is under way, for people
  std::optional<End> ending_;             // decided; mitigations are released before
  std::optional<absl::Time> well_since_;  // after the end: the target, without a break
  runtime::TimerId timer_{};
  MonotonicTime wake_at_;  // of timer_
  bool dirty_ = false;     // the status in memory says more than the server's
  MonotonicTime last_save_;

  // Of the rung at hand.
  std::unique_ptr<LiveRead> live_read_;
  bool checked_live_ = false;
  std::set<size_t> confirmed_changes_;  // see ConfirmChange
  absl::Duration disagreement_;         // the wait until cache and live state are compared again
  std::optional<Verification> verification_;
  std::optional<absl::Time> confirmed_cured_;  // by a live check, before changes are taken back
  // Before the first write: that the plan fits, and the objects of applyTo that it was made with.
  bool plan_fits_ = false;
  std::map<std::string, nlohmann::json> plan_objects_;
  // Of the steps at hand, by index into status.steps.
  std::map<size_t, AtHand> at_hand_;
  // As the live check saw it, until something is written or time passes.
  std::optional<LiveState> seen_live_;
  // While rungs are planned.
  struct Planning {
    size_t rung = 0;  // rung and step that come next
    size_t step = 0;
    size_t end = 0;                                             // the rung after the last one
    std::optional<std::vector<crds::ObjectReference>> objects;  // of that step, once chosen
    size_t object = 0;                                          // of those, which comes next
    AtHand hand;                                                // what is known of it
    std::vector<std::string> validated;  // objects whose first write the server has seen
    std::vector<crds::PlannedStep> plan;
  };
  std::optional<Planning> planning_;

  bool drains_ = false;     // ShareDrains has said so
  std::string blocked_by_;  // what a step is held up by since blocked_since_, for metrics
  absl::Time blocked_since_;
  std::string told_block_;  // the last one that was told

  // Callbacks hold it weakly.
  std::shared_ptr<Runner*> self_;
};

}  // namespace kr::remediation
