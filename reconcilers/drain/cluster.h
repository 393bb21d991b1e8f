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

// What an operator owns is missed for so long after the last drain.
inline constexpr absl::Duration kMissedFor = absl::Hours(1);

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
  void Put(Attachment attachment);
  void LimitVolumes(const std::string& node, VolumeLimits limits);
  void RemoveNode(std::string_view name);
  void RemovePod(const kube::ObjectKey& key);
  void RemoveSet(const kube::ObjectKey& key);
  void RemoveBudget(const kube::ObjectKey& key);
  void RemoveClaim(const kube::ObjectKey& key);
  void RemoveVolume(std::string_view name);
  void Detach(const std::string& volume, const std::string& node);
  void RemoveVolumeLimits(std::string_view node);
  // All objects; what drains remember stays.
  void Clear();

  const Node* FindNode(std::string_view name) const;
  const std::map<std::string, Node, std::less<>>& nodes() const { return nodes_; }
  const Pod* FindPod(const kube::ObjectKey& key) const;
  // In the order of their keys.
  std::vector<const Pod*> PodsOn(std::string_view node) const;
  std::vector<const Pod*> PodsOf(std::string_view owner_uid) const;
  // What the pods of a node ask for.
  const Amounts& Requested(std::string_view node) const;
  const StatefulSet* FindSet(const kube::ObjectKey& key) const;
  // Those whose selector matches the pod.
  std::vector<const Budget*> BudgetsOf(const Pod& pod) const;
  const Claim* FindClaim(const kube::ObjectKey& key) const;
  const Volume* FindVolume(std::string_view name) const;
  // In the order of the names of their volumes.
  std::vector<const Attachment*> AttachedTo(const std::string& node) const;
  // Null: there is none.
  const Attachment* FindAttachment(const std::string& volume, const std::string& node) const;
  // How many more volumes of a driver the node could have attached; nullopt: it sets no limit.
  std::optional<int64_t> FreeVolumes(const std::string& node, std::string_view driver) const;
  // Pods that use the claim and have not finished.
  std::vector<const Pod*> PodsUsing(const kube::ObjectKey& claim) const;

  // Drains. One that is open moves the pods of its node: others count them when they ask for room.
  void Open(const std::string& node, const std::string& by, absl::Time now);
  void Close(const std::string& by, absl::Time now);
  const std::map<std::string, std::string, std::less<>>& open() const { return open_; }

  // An eviction that is about to be sent by the Remediation `by`: until it is settled or released
  // nobody else evicts from its owner what has to go one at a time, and the pod counts as leaving.
  void Reserve(const kube::ObjectKey& key, const std::string& uid, const std::string& by,
               absl::Time now);
  // It was not executed...
  void Release(std::string_view uid);
  // ...or it was: the pod is leaving, whatever the watch says yet.
  void Settle(const kube::ObjectKey& key, std::string_view uid, absl::Time now);
  // The hosts, and since when, that the Remediation `by` restarts, or is about to: all pods on them
  // go down.
  using HostRestarts = std::map<std::string, absl::Time>;
  void SetRestarts(const std::string& by, HostRestarts restarts);
  // Who restarts the host under the pod; "" when nobody does, or the pod has become ready since.
  std::string RestarterOf(const Pod& pod) const;
  // All pods that go down that way.
  std::vector<const Pod*> GoingDown() const;

  // A Remediation that takes away a pod of the same owner at this moment, and how.
  struct Holder {
    std::string by;
    std::string doing;  // "evicts another pod", "restarts the host of another pod"
  };
  std::optional<Holder> HolderOf(const Pod& pod) const;
  // When an eviction of ours was last asked for, or answered, that took a pod of the owner: older
  // lists of its pods may not know.
  absl::Time LastEviction(std::string_view owner_uid) const;
  // On its way out for good: it says so itself, or it was evicted.
  bool IsLeaving(const Pod& pod) const;
  // How many pods the owner of the pod has when nothing is missing: those that are seen now, and
  // what an eviction of ours took and is not replaced. Whoever makes successors at once is believed
  // to want none after five minutes. What an operator owns may be a quorum, and nobody but its
  // operator knows how many it wants: that is missed as long as anybody drains, and an hour longer.
  int64_t Wanted(const Pod& member, absl::Time now) const;
  // Of what an operator owns, although no pod of it may be there.
  int64_t WantedOfOperated(std::string_view owner_uid, absl::Time now) const;
  // Not replaced for longer than those five minutes: its owner alone knows whether it still wants
  // it.
  bool IsInDoubt(const Pod& member, absl::Time now) const;
  // That the owner had so many pods before an eviction, at `at`: as another process saw it, or as
  // the owner itself said.
  void Recall(const std::string& owner_uid, int64_t pods, absl::Time at);

 private:
  struct Eviction {
    kube::ObjectKey pod;
    std::string owner_uid;  // "": the pod was not seen any more
    std::string by;
  };
  struct Before {      // of an owner, when the last eviction of ours began
    int64_t pods = 0;  // 0: as many have been seen since
    absl::Time at;     // ...and was answered
  };
  void Unlist(const Pod& pod);
  int64_t Staying(std::string_view owner_uid) const;

  std::map<std::string, Node, std::less<>> nodes_;
  std::map<kube::ObjectKey, Pod> pods_;
  std::map<std::string, std::map<kube::ObjectKey, const Pod*>, std::less<>> on_node_, of_owner_;
  std::map<std::string, Amounts, std::less<>> requested_;
  std::map<kube::ObjectKey, StatefulSet> sets_;
  std::map<kube::ObjectKey, Budget> budgets_;
  std::map<kube::ObjectKey, Claim> claims_;
  std::map<std::string, Volume, std::less<>> volumes_;
  std::map<std::pair<std::string, std::string>, Attachment> attached_;  // by node and volume
  std::map<std::string, VolumeLimits, std::less<>> volume_limits_;      // by node
  std::map<std::string, std::string, std::less<>> open_;                // Remediation to node
  absl::Time closed_ = absl::InfinitePast();                            // the last one of them
  std::map<std::string, Eviction, std::less<>> sending_;       // by the pod's UID: not settled
  std::set<std::string, std::less<>> evicted_;                 // UIDs of pods that are still seen
  std::map<std::string, Before, std::less<>> before_;          // by the owner's UID
  std::map<std::string, HostRestarts, std::less<>> restarts_;  // by the Remediation
};

}  // namespace kr::drain
