#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "reconcilers/drain/objects.h"

namespace kr::drain {

// What is around a drain, with the indexes that it asks by, and what drains remember of each other.
// Knows nothing of where it comes from: watches feed it, tests fill it. Pointers into it live until
// the next change.
class Cluster {
 public:
  // The objects, by whoever watches.
  void Put(Node node);
  void Put(Pod pod);
  void Put(StatefulSet set);
  void Put(Budget budget);
  void Put(Claim claim);
  void Put(Volume volume);
  void Attach(std::string volume, std::string node);
  void RemoveNode(std::string_view name);
  void RemovePod(const kube::ObjectKey& key);
  void RemoveSet(const kube::ObjectKey& key);
  void RemoveBudget(const kube::ObjectKey& key);
  void RemoveClaim(const kube::ObjectKey& key);
  void RemoveVolume(std::string_view name);
  void Detach(const std::string& volume, const std::string& node);
  // All objects; what drains remember stays.
  void Clear();

  const Node* FindNode(std::string_view name) const;
  const std::map<std::string, Node, std::less<>>& nodes() const { return nodes_; }
  const Pod* FindPod(const kube::ObjectKey& key) const;
  // In the order of their keys.
  std::vector<const Pod*> PodsOn(std::string_view node) const;
  std::vector<const Pod*> PodsOf(std::string_view owner_uid) const;
  // What the pods of a node ask for.
  Amounts Requested(std::string_view node) const;
  const StatefulSet* FindSet(const kube::ObjectKey& key) const;
  // Those whose selector matches the pod.
  std::vector<const Budget*> BudgetsOf(const Pod& pod) const;
  const Claim* FindClaim(const kube::ObjectKey& key) const;
  const Volume* FindVolume(std::string_view name) const;
  // Names of the volumes that are attached to a node.
  std::vector<std::string> AttachedTo(const std::string& node) const;

  // Drains. One that is open moves the pods of its node: others count them when they ask for room.
  void Open(const std::string& node, const std::string& by);
  void Close(const std::string& by);
  const std::map<std::string, std::string, std::less<>>& open() const { return open_; }

  // An eviction that is about to be sent by the Remediation `by`: until it is settled or released
  // nobody else evicts from its owner what has to go one at a time, and the pod counts as leaving.
  void Reserve(const kube::ObjectKey& key, const std::string& uid, const std::string& by,
               absl::Time now);
  // It was not executed...
  void Release(std::string_view uid);
  // ...or it was: the pod is leaving, whatever the watch says yet.
  void Settle(const kube::ObjectKey& key, std::string_view uid);
  // Which Remediation has an eviction from the same owner in its hands; "" when none does.
  std::string HolderOf(const Pod& pod) const;
  // On its way out: it says so itself, or it was evicted.
  bool IsLeaving(const Pod& pod) const;
  // How many pods an owner has when nothing is missing, by what is seen now and what was there
  // before our own evictions.
  int64_t Wanted(std::string_view owner_uid, absl::Time now) const;

 private:
  struct Eviction {
    kube::ObjectKey pod;
    std::string owner_uid;  // "": the pod was not seen any more
    std::string by;
  };
  struct Before {  // of an owner, when the last eviction of ours began
    int64_t pods = 0;
    absl::Time at;
  };
  void Unlist(const Pod& pod);

  std::map<std::string, Node, std::less<>> nodes_;
  std::map<kube::ObjectKey, Pod> pods_;
  std::map<std::string, std::map<kube::ObjectKey, const Pod*>, std::less<>> on_node_, of_owner_;
  std::map<std::string, Amounts, std::less<>> requested_;
  std::map<kube::ObjectKey, StatefulSet> sets_;
  std::map<kube::ObjectKey, Budget> budgets_;
  std::map<kube::ObjectKey, Claim> claims_;
  std::map<std::string, Volume, std::less<>> volumes_;
  std::set<std::pair<std::string, std::string>> attached_;  // node, volume
  std::map<std::string, std::string, std::less<>> open_;    // Remediation to node
  std::map<std::string, Eviction, std::less<>> sending_;    // by the pod's UID: not settled
  std::set<std::string, std::less<>> evicted_;              // UIDs of pods that are still seen
  std::map<std::string, Before, std::less<>> before_;       // by the owner's UID
};

}  // namespace kr::drain
