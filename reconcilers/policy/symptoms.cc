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

bool IsPlanned(const CompiledPolicy& policy, const Evaluation& evaluation) {
  for (size_t t = 0; t < policy.triggers.size(); ++t) {
    if (evaluation.triggers[t].value != Tri::kFalse && !policy.triggers[t].planned) return false;
  }
  return true;
}

// Since when the triggers with a long `for` held, as the process before has written down.
std::vector<std::optional<absl::Time>> HeldBefore(const CompiledPolicy& policy,
                                                  const signals::View& view) {
  std::vector<std::optional<absl::Time>> held;
  if (!policy.keeps_baseline) return held;
  for (const Trigger& trigger : policy.triggers) {
    held.push_back(trigger.IsLong()
                       ? view.past().baselines.HoldsSince(policy.id, view.target(), trigger.name)
                       : std::nullopt);
  }
  return held;
}

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

const PolicyTargets* Symptoms::Find(const CompiledPolicy& policy) const {
  const auto it = policies_.find(policy.id);
  return it == policies_.end() ? nullptr : &it->second;
}

std::vector<const PolicyTargets*> Symptoms::Of(std::string_view policy_uid) const {
  std::vector<const PolicyTargets*> kinds;
  const std::string prefix = std::string(policy_uid) + "/";
  for (auto it = policies_.lower_bound(prefix);
       it != policies_.end() && it->first.starts_with(prefix); ++it) {
    kinds.push_back(&it->second);
  }
  return kinds;
}

void Symptoms::SetPolicies(const std::vector<CompiledPolicyPtr>& policies) {
  std::map<std::string, PolicyTargets> next;
  for (const CompiledPolicyPtr& policy : policies) {
    PolicyTargets& targets = next[policy->id];
    const auto known = policies_.find(policy->id);
    if (known != policies_.end()) targets = std::move(known->second);
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
  passing_.erase(targets.policy->id);
}

void Symptoms::BeginPass(PolicyTargets& targets) {
  targets.view = watches_.ViewOf(*targets.policy);
  PolicyTargets::Pass& pass = targets.pass.emplace();
  pass.ids = watches_.TargetIds(*targets.policy);
  targets.selected = static_cast<int64_t>(pass.ids.size());
  pass.gone = watches_.EmptyPlaces(*targets.policy);
  targets.selected += static_cast<int64_t>(pass.gone.size());
  for (const auto& [key, sick] : targets.sick) {
    if (!watches_.Target(*targets.policy, key)) pass.gone.push_back(key);
  }
  passing_.insert(targets.policy->id);
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
  passing_.erase(targets.policy->id);
  if (targets.settled) return;
  targets.settled = true;
  targets.observed_since = std::min(targets.observed_since, engine_.clock().Now());
  listener_.OnSettled(targets);
}

void Symptoms::OnTarget(const CompiledPolicy& policy, const document::Document& object, bool was,
                        bool is) {
  const auto it = policies_.find(policy.id);
  if (it == policies_.end() || !Follows(it->second)) return;
  PolicyTargets& targets = it->second;
  if (targets.policy.get() == &policy) targets.selected += (is ? 1 : 0) - (was ? 1 : 0);
  Queue(policy.id, {std::string(object.name_space()), std::string(object.name())});
}

void Symptoms::OnSurroundings(const CompiledPolicy& policy, const document::Document& target) {
  Queue(policy.id, {std::string(target.name_space()), std::string(target.name())});
}

void Symptoms::Queue(const std::string& policy_id, const kube::ObjectKey& key) {
  queue_.Add({policy_id, key});
  SchedulePump();
}

void Symptoms::EvaluateAll(const CompiledPolicy& policy) {
  const auto it = policies_.find(policy.id);
  if (it == policies_.end() || !it->second.settled) return;  // all are asked for anyway
  BeginPass(it->second);
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
  const auto it = policies_.find(key.policy_id);
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
  const absl::Time events_since = listener_.EventsSince(policy, key);
  const absl::Time schedule_since = listener_.ScheduleSince(policy, key);
  const TargetView view(
      policy, object, watches_.Around(policy),
      {.now = now, .events_since = events_since, .schedule_since = schedule_since});
  for (const Trigger& trigger : policy.triggers) {
    for (const signals::SignalPtr& signal : trigger.signals) {
      signal->Note(view, !targets.settled, watches_.past());
    }
  }
  for (const signals::SignalPtr& signal : policy.healthy_signals) {
    signal->Note(view, !targets.settled, watches_.past());
  }
  const Evaluation evaluation = Evaluate(policy, view);
  auto sick = targets.sick.find(key);
  const bool was_sick = sick != targets.sick.end();
  if (evaluation.symptom.value == Tri::kFalse) {
    if (was_sick) targets.sick.erase(sick);
    sick = targets.sick.end();
  } else {
    if (!was_sick) sick = targets.sick.emplace(key, Sick{.since = now}).first;
    sick->second.symptom =
        sick->second.clock.Update(policy, evaluation, engine_.Now(), now, HeldBefore(policy, view));
    sick->second.unknown = evaluation.symptom.cause;
    sick->second.evidence = EvidenceOf(evaluation);
    sick->second.planned = IsPlanned(policy, evaluation);
    sick->second.events_since = events_since;
    sick->second.schedule_since = schedule_since;
    if (sick->second.symptom.ripe_at) {
      queue_.AddAt({policy.id, key}, *sick->second.symptom.ripe_at, engine_.Now());
    }
  }
  if (policy.keeps_baseline) {
    std::vector<crds::BaselineHold> holding;
    if (sick != targets.sick.end()) {
      for (const auto& [t, since] : sick->second.symptom.holding) {
        holding.push_back({policy.triggers[t].name, since});
      }
    }
    const bool well = Cured(evaluation).value == Tri::kTrue;
    listener_.OnBaseline(policy, *object,
                         well ? BaselineValues(policy, view) : std::vector<crds::BaselineValue>(),
                         std::move(holding));
  }
  const absl::Duration valid = evaluation.symptom.valid_until - now;
  if (valid < kForever) {
    queue_.AddAfter({policy.id, key}, std::max(valid, absl::Milliseconds(1)), engine_.Now());
  }
  const bool is_sick = sick != targets.sick.end();
  if (was_sick || is_sick || listener_.Watching(policy, key)) {
    listener_.OnReading(targets, key, is_sick ? &sick->second : nullptr);
  }
}

}  // namespace kr::policy
