// Several writes at once: one intent, the requests side by side, and what the answers say of each.
// Drains are what needs it: fifteen pods of a node are not fifteen entries of a log.
#include <algorithm>
#include <utility>

#include "crds/v1alpha1/reasons.h"
#include "crds/v1alpha1/remediation_fields.h"
#include "reconcilers/actions/drain_result.h"
#include "reconcilers/drain/answer.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

using Said = drain::Answer::Said;

namespace {

kube::ObjectKey KeyOf(const crds::ObjectReference& object) {
  return {object.name_space, object.name};
}

}  // namespace

void Runner::ExecuteBatch(size_t index, const policy::Step& step, actions::Batch batch) {
  busy_ = true;
  seen_live_.reset();
  const crds::RemediationStatus& log = status();
  if (log.steps[index].writes.empty() && log.steps[index].memo.empty()) {
    PlanObjectsOf(index, step);  // once more: it may have waited for long
    Tell(runtime::Event::Type::kNormal, "DrainStarted", step.action->Describe());
  }
  Does(batch.summary);
  std::vector<crds::ObjectReference> objects;
  drain::Cluster& cluster = services_.drains.cluster();
  const std::string& self = remediation().metadata.name;
  cluster.Open(remediation().spec.target_ref.name, self, Now());
  const auto had = batch.memo.value(actions::kDrainHad, nlohmann::json::object());
  for (const actions::Batch::One& one : batch.writes) {
    cluster.Reserve(KeyOf(one.object), one.object.uid, self, Now());
    const drain::Pod* pod = cluster.FindPod(KeyOf(one.object));
    const std::string owner = pod != nullptr && pod->owner ? pod->owner->uid : "";
    if (had.contains(owner)) cluster.Recall(owner, had[owner], Now());
    objects.push_back(one.object);
  }
  write_ahead_.Execute(
      index, std::move(batch),
      [this, index, objects = std::move(objects)](WriteAhead::BatchResult result) mutable {
        busy_ = false;
        OnBatch(index, objects, std::move(result));
      });
}

void Runner::OnBatch(size_t index, const std::vector<crds::ObjectReference>& objects,
                     WriteAhead::BatchResult result) {
  drain::Cluster& cluster = services_.drains.cluster();
  dirty_ = true;
  if (result.save != SaveResult::kSaved) {
    for (const crds::ObjectReference& object : objects) cluster.Release(object.uid);
    Continue(result.save);
    return;
  }
  last_save_ = services_.engine.Now();
  AtHand& hand = Hand(index);
  hand.ForgetLive();
  hand.wait_memo = nullptr;  // it is older than the one that was stored
  const crds::Intent intent = *std::exchange(mutable_status().intent, std::nullopt);
  std::vector<crds::ObjectReference> unknown;
  for (size_t i = 0; i < objects.size(); ++i) {
    const crds::ObjectReference& object = objects[i];
    const StatusOr<kube::Reply>& reply = result.answers[i];
    drain::Answer answer = drain::Read(reply);
    if (!reply.ok() && runtime::IsNotSent(reply.status())) answer.said = Said::kBusy;
    services_.metrics.evictions.With({std::string(drain::ToString(answer.said))}).Increment();
    if (answer.said == Said::kUnknown) {
      unknown.push_back(object);
      continue;
    }
    if (drain::IsThrough(answer.said)) {
      hand.tried.erase(object.uid);
      cluster.Settle(KeyOf(object), object.uid, Now());
      Record(index, intent, object,
             answer.said == Said::kAccepted ? crds::WriteOutcome::kApplied
                                            : crds::WriteOutcome::kUnchanged);
      continue;
    }
    cluster.Release(object.uid);
    const auto before = hand.tried.find(object.uid);
    const bool removal = intent.verb == crds::Verb::kDelete;
    const bool again = before != hand.tried.end() && before->second.removal == removal &&
                       before->second.answer.said == answer.said;
    const int64_t times = again ? before->second.times + 1 : 1;
    hand.tried[object.uid] = {
        .answer = std::move(answer), .at = Now(), .times = times, .removal = removal};
  }
  if (!unknown.empty()) {
    crds::Intent open = intent;
    open.object = unknown.front();
    open.others.assign(unknown.begin() + 1, unknown.end());
    mutable_status().intent = std::move(open);
  }
  if (deleted_) return Stopped();
  hand.retry_at = Now() + (unknown.empty() ? absl::ZeroDuration() : hand.retry);
  Advance();
}

void Runner::Record(size_t index, const crds::Intent& intent, const crds::ObjectReference& object,
                    crds::WriteOutcome outcome) {
  std::vector<crds::WriteRecord>& writes = mutable_status().steps[index].writes;
  if (writes.size() == crds::kMaxWrites) return;
  writes.push_back(
      {.verb = intent.verb, .object = object, .outcome = outcome, .intent_at = intent.at});
}

void Runner::OnSettled(size_t index, const actions::Settled& settled) {
  const crds::Intent intent = *std::exchange(mutable_status().intent, std::nullopt);
  drain::Cluster& cluster = services_.drains.cluster();
  for (const crds::ObjectReference& object : actions::ObjectsOf(intent)) {
    const bool executed = std::find(settled.executed.begin(), settled.executed.end(), object.uid) !=
                          settled.executed.end();
    if (!executed) {
      cluster.Release(object.uid);
      continue;
    }
    cluster.Settle(KeyOf(object), object.uid, Now());
    Record(index, intent, object, crds::WriteOutcome::kApplied);
  }
  Hand(index).ForgetLive();
  dirty_ = true;
  Advance();
}

void Runner::PlanObjectsOf(size_t index, const policy::Step& step) {
  const crds::StepProgress& progress = status().steps[index];
  const auto ref = RefOf(progress);
  if (!ref || !services_.drains.Missing().empty()) return;
  const auto foreseen =
      step.action->Foresee(Observe(*ref, progress.id, *progress.started_at, Hand(index)));
  std::vector<crds::PlannedStep>& plan = mutable_status().plan;
  const auto of_step = [&](const crds::PlannedStep& line) {
    return line.id.remedy == progress.id.remedy && line.id.step == progress.id.step;
  };
  // Those of an earlier attempt, of the question to a person, or of when the step began.
  const auto is_old = [&](const crds::PlannedStep& line) {
    return of_step(line) && line.id.item == progress.id.item && line.object;
  };
  auto at = std::ranges::find_if(plan, of_step);
  if (at != plan.end() && !is_old(*at)) ++at;
  const auto position = at - plan.begin();
  std::erase_if(plan, is_old);
  std::vector<crds::PlannedStep> lines;
  for (const actions::Foreseen& line : foreseen) {
    if (plan.size() + lines.size() >= crds::kMaxRecordedSteps) break;
    lines.push_back({.id = progress.id,
                     .action = progress.action,
                     .object = line.object,
                     .text = line.text,
                     .message = line.message});
  }
  plan.insert(plan.begin() + position, lines.begin(), lines.end());
}

void Runner::ShowObjectsOf(size_t index, const policy::Step& step) {
  const crds::StepProgress& progress = status().steps[index];
  if (!progress.writes.empty() || !progress.memo.empty()) return;
  if (!services_.drains.Missing().empty() || std::exchange(Hand(index).shown, true)) return;
  PlanObjectsOf(index, step);
  dirty_ = true;
}

void Runner::ShareDrains() {
  bool ahead = false;
  const bool runs = status().phase && (*status().phase == crds::Phase::kRunning ||
                                       *status().phase == crds::Phase::kAwaitingApproval ||
                                       *status().phase == crds::Phase::kPending);
  for (size_t r = 0; runs && r < policy_->remedies.size(); ++r) {
    const bool over =
        r < status().remedies.size() && (status().remedies[r].state == crds::RemedyState::kFailed ||
                                         status().remedies[r].state == crds::RemedyState::kSkipped);
    for (const policy::Step& step : policy_->remedies[r].steps) {
      ahead = ahead || (!over && step.action->NeedsCluster());
    }
  }
  if (ahead == std::exchange(drains_, ahead)) return;
  const std::string& self = remediation().metadata.name;
  if (!ahead) return services_.drains.Leave(self);
  const std::string& node = remediation().spec.target_ref.name;
  services_.drains.Use(self, node);
  // One that another process has begun.
  const bool begun = std::ranges::any_of(status().steps, [](const crds::StepProgress& step) {
    return step.action == "drain" && step.state == crds::StepState::kRunning &&
           !step.writes.empty();
  });
  if (begun) services_.drains.cluster().Open(node, self, Now());
}

void Runner::KeepBlockedTime(const actions::Wait* wait) {
  const std::string by = wait == nullptr ? "" : wait->blocked_by;
  if (by != blocked_by_ && !blocked_by_.empty()) {
    services_.metrics.blocked_seconds.With({blocked_by_})
        .Increment(absl::ToDoubleSeconds(Now() - blocked_since_));
  }
  if (by != blocked_by_) blocked_since_ = Now();
  blocked_by_ = by;
  if (by.empty() || wait->passing || by == told_block_) return;
  told_block_ = by;
  Tell(runtime::Event::Type::kWarning, "DrainBlocked", wait->progress);
}

}  // namespace kr::remediation
