#include "reconcilers/policy/symptoms.h"

#include <algorithm>
#include <utility>

namespace kr::policy {

using signals::Tri;

namespace {

// Evaluations in a row before the engine looks at its other inputs again.
constexpr int kSlice = 64;
// What holds for so long needs no timer. Every difference from `now` leaves the range of durations
// in 292 years, and a timer for each target would cost more than what is kept of the objects.
constexpr absl::Duration kForever = absl::Hours(24 * 365 * 100);

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
  passing_.clear();
  for (const auto& [uid, targets] : policies_) {
    if (targets.pass) passing_.insert(uid);
  }
  OnRebound();
}

void Symptoms::OnRebound() {
  for (auto& [uid, targets] : policies_) {
    if (watches_.ReadinessOf(*targets.policy).state != Watches::Readiness::State::kReady) {
      Unsettle(targets);
      continue;
    }
    if (Follows(targets) && targets.view == watches_.ViewOf(*targets.policy)) {
      targets.selected = 0;
      watches_.ForEachTarget(*targets.policy,
                             [&](const document::DocumentPtr&) { ++targets.selected; });
    } else {
      BeginPass(targets);
    }
  }
  SchedulePump();
}

void Symptoms::Unsettle(PolicyTargets& targets) {
  targets.settled = false;
  targets.pass.reset();
  passing_.erase(targets.policy->uid);
}

void Symptoms::BeginPass(PolicyTargets& targets) {
  targets.view = watches_.ViewOf(*targets.policy);
  PolicyTargets::Pass& pass = targets.pass.emplace();
  pass.ids = watches_.TargetIds(*targets.policy);
  targets.selected = static_cast<int64_t>(pass.ids.size());
  for (const auto& [key, sick] : targets.sick) {
    if (!watches_.Target(*targets.policy, key)) pass.gone.push_back(key);
  }
  passing_.insert(targets.policy->uid);
}

bool Symptoms::AdvancePass() {
  if (passing_.empty()) return false;
  PolicyTargets& targets = policies_.at(*passing_.begin());
  if (watches_.ReadinessOf(*targets.policy).state != Watches::Readiness::State::kReady) {
    Unsettle(targets);
    return true;
  }
  PolicyTargets::Pass& pass = *targets.pass;
  if (!pass.gone.empty()) {
    const kube::ObjectKey key = std::move(pass.gone.back());
    pass.gone.pop_back();
    Judge(targets, key, watches_.Target(*targets.policy, key));
  } else if (pass.done < pass.ids.size()) {
    // One that went meanwhile was queued for that.
    if (const auto object = watches_.TargetAt(*targets.policy, pass.ids[pass.done++])) {
      Judge(targets, {std::string(object->name_space()), std::string(object->name())}, object);
    }
  } else {
    EndPass(targets);
  }
  return true;
}

void Symptoms::EndPass(PolicyTargets& targets) {
  targets.pass.reset();
  passing_.erase(targets.policy->uid);
  if (targets.settled) return;
  targets.settled = true;
  targets.observed_since = std::min(targets.observed_since, engine_.clock().Now());
  listener_.OnSettled(targets);
}

void Symptoms::OnTarget(const CompiledPolicy& policy, const document::Document& object, bool was,
                        bool is) {
  const auto it = policies_.find(policy.uid);
  if (it == policies_.end() || !Follows(it->second)) return;
  PolicyTargets& targets = it->second;
  if (targets.policy.get() == &policy) targets.selected += (is ? 1 : 0) - (was ? 1 : 0);
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
  std::optional<MonotonicTime> next = queue_.NextReady();
  if (!passing_.empty()) next = engine_.Now();
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
    if (const auto key = queue_.Get(begin)) {
      EvaluateOne(*key);
      const MonotonicTime end = engine_.Now();
      queue_.Done(*key, end - begin, end);
    } else if (!AdvancePass()) {  // a change is news, a pass is not
      break;
    }
  }
  SchedulePump();
}

void Symptoms::EvaluateOne(const Key& key) {
  const auto it = policies_.find(key.policy_uid);
  if (it == policies_.end()) return;
  PolicyTargets& targets = it->second;
  // Then it is unsettled: all are asked for when it is ready again.
  if (watches_.ReadinessOf(*targets.policy).state != Watches::Readiness::State::kReady) return;
  Judge(targets, key.object, watches_.Target(*targets.policy, key.object));
}

void Symptoms::Judge(PolicyTargets& targets, const kube::ObjectKey& key,
                     const document::DocumentPtr& object) {
  ++evaluations_;
  const CompiledPolicy& policy = *targets.policy;
  if (!object) {
    targets.sick.erase(key);
    return listener_.OnTargetGone(targets, key);
  }
  const absl::Time now = engine_.clock().Now();
  const TargetView view(policy, object, watches_.Around(policy),
                        {.now = now, .events_since = listener_.EventsSince(policy, key)});
  const Evaluation evaluation = Evaluate(policy, view);
  auto sick = targets.sick.find(key);
  const bool was_sick = sick != targets.sick.end();
  if (evaluation.symptom.value == Tri::kFalse) {
    if (was_sick) targets.sick.erase(sick);
    sick = targets.sick.end();
  } else {
    if (!was_sick) sick = targets.sick.emplace(key, Sick{.since = now}).first;
    sick->second.symptom = sick->second.clock.Update(policy, evaluation, engine_.Now(), now);
    sick->second.unknown = evaluation.symptom.cause;
    sick->second.evidence = EvidenceOf(evaluation);
    if (sick->second.symptom.ripe_at) {
      queue_.AddAt({policy.uid, key}, *sick->second.symptom.ripe_at, engine_.Now());
    }
  }
  const absl::Duration valid = evaluation.symptom.valid_until - now;
  if (valid < kForever) {
    queue_.AddAfter({policy.uid, key}, std::max(valid, absl::Milliseconds(1)), engine_.Now());
  }
  const bool is_sick = sick != targets.sick.end();
  if (was_sick || is_sick || listener_.Watching(policy, key)) {
    listener_.OnReading(targets, key, is_sick ? &sick->second : nullptr);
  }
}

}  // namespace kr::policy
