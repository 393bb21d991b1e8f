#include "reconcilers/policy/symptoms.h"

#include <algorithm>
#include <utility>

namespace kr::policy {

using signals::Tri;

namespace {

// Evaluations in a row before the engine looks at its other inputs again.
constexpr int kSlice = 64;

std::vector<crds::Evidence> EvidenceOf(const Evaluation& evaluation) {
  std::vector<crds::Evidence> evidence;
  for (const TriggerReading& trigger : evaluation.triggers) {
    if (trigger.value != Tri::kTrue) continue;
    for (const signals::Reading& signal : trigger.signals) {
      evidence.insert(evidence.end(), signal.evidence.begin(), signal.evidence.end());
    }
  }
  return evidence;
}

}  // namespace

Symptoms::Symptoms(runtime::Engine& engine, Watches& watches, SymptomListener& listener)
    : engine_(engine), watches_(watches), listener_(listener) {}

const PolicyTargets* Symptoms::Find(std::string_view policy_uid) const {
  const auto it = policies_.find(std::string(policy_uid));
  return it == policies_.end() ? nullptr : &it->second;
}

void Symptoms::SetPolicies(const std::vector<CompiledPolicyPtr>& policies) {
  std::map<std::string, PolicyTargets> next;
  for (const CompiledPolicyPtr& policy : policies) {
    PolicyTargets& targets = next[policy->uid];
    const auto known = policies_.find(policy->uid);
    // Of objects of another kind nothing that was seen means anything.
    if (known != policies_.end() && known->second.policy->target == policy->target) {
      targets = std::move(known->second);
    }
    if (targets.policy != policy) {
      // Other expressions: what was seen under the old ones is no answer. Times that a trigger
      // holds are counted anew.
      targets.policy = policy;
      Unsettle(targets);
      for (auto& [key, sick] : targets.sick) sick.clock = SymptomClock();
    }
  }
  policies_ = std::move(next);
  OnRebound();
}

void Symptoms::OnRebound() {
  for (auto& [uid, targets] : policies_) {
    if (watches_.ReadinessOf(*targets.policy).state != Watches::Readiness::State::kReady) {
      Unsettle(targets);
      continue;
    }
    const bool passing = targets.settled || !targets.unseen.empty();
    if (passing && targets.view == watches_.ViewOf(*targets.policy)) {
      targets.selected = 0;
      watches_.ForEachTarget(*targets.policy,
                             [&](const document::DocumentPtr&) { ++targets.selected; });
    } else {
      QueueAll(targets);
    }
  }
  SchedulePump();
}

void Symptoms::Unsettle(PolicyTargets& targets) {
  targets.settled = false;
  targets.unseen.clear();
}

void Symptoms::QueueAll(PolicyTargets& targets) {
  targets.view = watches_.ViewOf(*targets.policy);
  targets.selected = 0;
  std::set<kube::ObjectKey> all;
  watches_.ForEachTarget(*targets.policy, [&](const document::DocumentPtr& object) {
    ++targets.selected;
    all.insert({std::string(object->name_space()), std::string(object->name())});
  });
  // Those that were sick and are gone are found out too.
  for (const auto& [key, sick] : targets.sick) all.insert(key);
  for (const kube::ObjectKey& key : all) queue_.Add({targets.policy->uid, key});
  if (targets.settled) return;
  targets.unseen = std::move(all);
  if (targets.unseen.empty()) Seen(targets, {});
}

void Symptoms::OnTarget(const CompiledPolicy& policy, const document::Document& object, bool was,
                        bool is) {
  const auto it = policies_.find(policy.uid);
  if (it == policies_.end()) return;
  PolicyTargets& targets = it->second;
  if (targets.policy.get() == &policy && (targets.settled || !targets.unseen.empty())) {
    targets.selected += (is ? 1 : 0) - (was ? 1 : 0);
  }
  Queue(policy.uid, {std::string(object.name_space()), std::string(object.name())});
}

void Symptoms::OnSurroundings(const CompiledPolicy& policy, const document::Document& target) {
  Queue(policy.uid, {std::string(target.name_space()), std::string(target.name())});
}

void Symptoms::Queue(const std::string& policy_uid, const kube::ObjectKey& key) {
  queue_.Add({policy_uid, key});
  SchedulePump();
}

void Symptoms::SchedulePump() {
  const auto next = queue_.NextReady();
  if (!next) return;
  const MonotonicTime when = std::max(*next, engine_.Now());
  if (timer_ != runtime::TimerId{} && timer_at_ <= when) return;
  engine_.Cancel(timer_);
  timer_at_ = when;
  timer_ = engine_.At(when, [this] {
    timer_ = {};
    Pump();
  });
}

void Symptoms::Pump() {
  for (int i = 0; i < kSlice; ++i) {
    const MonotonicTime begin = engine_.Now();
    const auto key = queue_.Get(begin);
    if (!key) break;
    EvaluateOne(*key);
    const MonotonicTime end = engine_.Now();
    queue_.Done(*key, end - begin, end);
  }
  SchedulePump();
}

void Symptoms::EvaluateOne(const Key& key) {
  const auto it = policies_.find(key.policy_uid);
  if (it == policies_.end()) return;
  PolicyTargets& targets = it->second;
  const CompiledPolicy& policy = *targets.policy;
  // Then it is unsettled: all are asked for when it is ready again.
  if (watches_.ReadinessOf(policy).state != Watches::Readiness::State::kReady) return;
  ++evaluations_;
  const document::DocumentPtr object = watches_.Target(policy, key.object);
  if (!object) {
    targets.sick.erase(key.object);
    listener_.OnTargetGone(targets, key.object);
    return Seen(targets, key.object);
  }
  const absl::Time now = engine_.clock().Now();
  const TargetView view(policy, object, watches_.Around(policy),
                        {.now = now, .events_since = listener_.EventsSince(policy, key.object)});
  const Evaluation evaluation = Evaluate(policy, view);
  auto sick = targets.sick.find(key.object);
  const bool was_sick = sick != targets.sick.end();
  if (evaluation.symptom.value == Tri::kFalse) {
    if (was_sick) targets.sick.erase(sick);
    sick = targets.sick.end();
  } else {
    if (!was_sick) sick = targets.sick.emplace(key.object, Sick{.since = now}).first;
    sick->second.symptom = sick->second.clock.Update(policy, evaluation, engine_.Now(), now);
    sick->second.unknown = evaluation.symptom.cause;
    sick->second.evidence = EvidenceOf(evaluation);
    if (sick->second.symptom.ripe_at)
      queue_.AddAt(key, *sick->second.symptom.ripe_at, engine_.Now());
  }
  if (evaluation.symptom.valid_until != absl::InfiniteFuture()) {
    queue_.AddAfter(key, std::max(evaluation.symptom.valid_until - now, absl::Milliseconds(1)),
                    engine_.Now());
  }
  const bool is_sick = sick != targets.sick.end();
  if (was_sick || is_sick || listener_.Watching(policy, key.object)) {
    listener_.OnReading(targets, key.object, is_sick ? &sick->second : nullptr);
  }
  Seen(targets, key.object);
}

void Symptoms::Seen(PolicyTargets& targets, const kube::ObjectKey& key) {
  if (targets.settled) return;
  targets.unseen.erase(key);
  if (!targets.unseen.empty()) return;
  targets.settled = true;
  targets.observed_since = std::min(targets.observed_since, engine_.clock().Now());
  listener_.OnSettled(targets);
}

}  // namespace kr::policy
