#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "controller/cache/object_table.h"
#include "controller/kube/resource.h"
#include "controller/runtime/engine.h"
#include "controller/runtime/work_queue.h"
#include "reconcilers/policy/compiled_policy.h"
#include "reconcilers/policy/evaluate.h"
#include "reconcilers/policy/symptom_clock.h"
#include "reconcilers/policy/watches.h"

namespace kr::policy {

// A target whose symptom is True (maybe not for long enough yet) or Unknown.
struct Sick {
  SymptomClock clock;
  SymptomClock::Symptom symptom;
  std::string unknown;                   // why, when it is
  absl::Time since;                      // first seen sick, without a break
  std::vector<crds::Evidence> evidence;  // of the trigger that holds
  // Nothing is wrong, something is to be done: only triggers with a schedule hold.
  bool planned = false;
  // SymptomListener::EventsSince and ScheduleSince when it was judged: once they say more, this is
  // about what has been answered since.
  absl::Time events_since = absl::InfinitePast();
  absl::Time schedule_since = absl::InfinitePast();
};

// What is known of the targets of one policy, and one kind. Healthy targets cost nothing here.
struct PolicyTargets {
  CompiledPolicyPtr policy;
  std::map<kube::ObjectKey, Sick> sick;
  int64_t selected = 0;
  // Every target has been evaluated since the policy could be read in full.
  bool settled = false;
  absl::Time observed_since = absl::InfiniteFuture();  // when it settled
  uint64_t view = 0;  // Watches::ViewOf when all of them were last asked for

  // Going through all targets: by number, because 30,000 names would be larger than what is kept
  // of the objects themselves. What comes or changes meanwhile is queued as at any time.
  struct Pass {
    std::vector<kube::ObjectKey> gone;  // were sick and are not there; empty places
    std::vector<cache::ObjectId> ids;
    size_t done = 0;  // of ids
  };
  std::optional<Pass> pass;
};

class SymptomListener {
 public:
  virtual ~SymptomListener() = default;
  // A target was evaluated. `sick` is null when it is well. Not called for targets that were well
  // before, too, unless Watching says that somebody waits for them.
  virtual void OnReading(const PolicyTargets& targets, const kube::ObjectKey& key,
                         const Sick* sick) = 0;
  virtual void OnTargetGone(const PolicyTargets& targets, const kube::ObjectKey& key) = 0;
  virtual void OnSettled(const PolicyTargets& targets) = 0;
  // Whether a remediation of this target is open.
  virtual bool Watching(const CompiledPolicy& policy, const kube::ObjectKey& key) const = 0;
  // Events that happened before this have been answered already, by the last remediation.
  virtual absl::Time EventsSince(const CompiledPolicy& policy,
                                 const kube::ObjectKey& key) const = 0;
  // What TargetBaseline is to remember of a target of a policy that keeps some: the values that
  // `changed` compares with, of a target that is well, and the triggers with a long `for` that
  // hold.
  virtual void OnBaseline(const CompiledPolicy& /*policy*/, const document::Document& /*target*/,
                          std::vector<crds::BaselineValue> /*values*/,
                          std::vector<crds::BaselineHold> /*holding*/) {}
  // So have the times of a schedule before this: when the last remediation was made.
  virtual absl::Time ScheduleSince(const CompiledPolicy& /*policy*/,
                                   const kube::ObjectKey& /*key*/) const {
    return absl::InfinitePast();
  }
};

// Evaluates targets when something that they rest on changed, one at a time, in slices; remembers
// the sick ones. Nothing is polled: an evaluation says until when it holds. Engine thread only.
class Symptoms {
 public:
  // References outlive it.
  Symptoms(runtime::Engine& engine, Watches& watches, SymptomListener& listener);

  // The policies to evaluate. What is remembered of one is kept over an edit.
  void SetPolicies(const std::vector<CompiledPolicyPtr>& policies);
  // By CompiledPolicy::id.
  const std::map<std::string, PolicyTargets>& policies() const { return policies_; }
  const PolicyTargets* Find(const CompiledPolicy& policy) const;
  // Of all kinds of a policy.
  std::vector<const PolicyTargets*> Of(std::string_view policy_uid) const;

  // From the WatchListener.
  void OnTarget(const CompiledPolicy& policy, const document::Document& object, bool was, bool is);
  void OnSurroundings(const CompiledPolicy& policy, const document::Document& target);
  void OnRebound();

  void Queue(const std::string& policy_id, const kube::ObjectKey& key);
  // All targets of a policy, for what an evaluation brings about besides.
  void EvaluateAll(const CompiledPolicy& policy);
  // Nothing is waiting to be evaluated right now.
  bool idle() const { return queue_.size() == 0 && passing_.empty(); }
  uint64_t evaluations() const { return evaluations_; }
  // Targets about which a turn or a timer is remembered, for tests and memory accounts.
  size_t remembered() const { return queue_.tracked(); }

 private:
  struct Key {
    std::string policy_id;
    kube::ObjectKey object;
    friend bool operator==(const Key&, const Key&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& key) {
      return H::combine(std::move(h), key.policy_id, key.object.name_space, key.object.name);
    }
  };

  // What is known is no answer any more: all targets have to be evaluated once it can be read.
  void Unsettle(PolicyTargets& targets);
  // Whether changes are worth queueing: otherwise a pass over all targets comes anyway.
  static bool Follows(const PolicyTargets& targets) { return targets.settled || targets.pass; }
  void BeginPass(PolicyTargets& targets);
  void EndPass(PolicyTargets& targets);
  // One target of a pass; false when no pass is under way.
  bool AdvancePass();
  void Pump();
  void SchedulePump();
  void EvaluateOne(const Key& key);
  // `object` is null when it is gone.
  void Judge(PolicyTargets& targets, const kube::ObjectKey& key,
             const document::DocumentPtr& object);

  runtime::Engine& engine_;
  Watches& watches_;
  SymptomListener& listener_;
  runtime::WorkQueue<Key> queue_;
  std::map<std::string, PolicyTargets> policies_;
  std::set<std::string> passing_;  // ids of the policies with a pass under way
  runtime::TimerId timer_{};
  MonotonicTime timer_at_;
  uint64_t evaluations_ = 0;
};

}  // namespace kr::policy
