#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
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
};

// What is known of the targets of one policy. Healthy targets cost nothing here.
struct PolicyTargets {
  CompiledPolicyPtr policy;
  std::map<kube::ObjectKey, Sick> sick;
  int64_t selected = 0;
  // Every target has been evaluated since the policy could be read in full.
  bool settled = false;
  absl::Time observed_since = absl::InfiniteFuture();  // when it settled
  std::set<kube::ObjectKey> unseen;  // targets of the first pass that are still to come
  uint64_t view = 0;                 // Watches::ViewOf when all of them were last asked for
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
  // Events that happened before this have been answered already: the last remediation's last write.
  virtual absl::Time EventsSince(const CompiledPolicy& policy,
                                 const kube::ObjectKey& key) const = 0;
};

// Evaluates targets when something that they rest on changed, one at a time, in slices; remembers
// the sick ones. Nothing is polled: an evaluation says until when it holds. Engine thread only.
class Symptoms {
 public:
  // References outlive it.
  Symptoms(runtime::Engine& engine, Watches& watches, SymptomListener& listener);

  // The policies to evaluate. What is remembered of one is kept over an edit.
  void SetPolicies(const std::vector<CompiledPolicyPtr>& policies);
  const std::map<std::string, PolicyTargets>& policies() const { return policies_; }  // by UID
  const PolicyTargets* Find(std::string_view policy_uid) const;

  // From the WatchListener.
  void OnTarget(const CompiledPolicy& policy, const document::Document& object, bool was, bool is);
  void OnSurroundings(const CompiledPolicy& policy, const document::Document& target);
  void OnRebound();

  void Queue(const std::string& policy_uid, const kube::ObjectKey& key);
  // Nothing is waiting to be evaluated right now.
  bool idle() const { return queue_.size() == 0; }
  uint64_t evaluations() const { return evaluations_; }

 private:
  struct Key {
    std::string policy_uid;
    kube::ObjectKey object;
    friend bool operator==(const Key&, const Key&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& key) {
      return H::combine(std::move(h), key.policy_uid, key.object.name_space, key.object.name);
    }
  };

  // What is known is no answer any more: all targets have to be evaluated once it can be read.
  static void Unsettle(PolicyTargets& targets);
  void QueueAll(PolicyTargets& targets);
  void Pump();
  void SchedulePump();
  void EvaluateOne(const Key& key);
  void Seen(PolicyTargets& targets, const kube::ObjectKey& key);

  runtime::Engine& engine_;
  Watches& watches_;
  SymptomListener& listener_;
  runtime::WorkQueue<Key> queue_;
  std::map<std::string, PolicyTargets> policies_;
  runtime::TimerId timer_{};
  MonotonicTime timer_at_;
  uint64_t evaluations_ = 0;
};

}  // namespace kr::policy
