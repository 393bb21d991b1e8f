#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/runtime/engine.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/drain/cluster.h"
#include "reconcilers/policy/watches.h"

namespace kr::remediation {

// What all drains of this process share: the cluster as they see it, fed from watches that are open
// only while somebody drains, and the evictions that are under way. Wakes the drains that a change
// may concern: those of the pod's node soon, all others at a slower pace. Engine thread only.
class Drains {
 public:
  struct Callbacks {
    std::function<void()> needs_changed;
    std::function<void(const std::string& remediation)> wake;
  };

  // References outlive it.
  Drains(const policy::Watches& watches, runtime::Engine& engine, Callbacks callbacks);
  ~Drains();

  // A Remediation is going to drain (or to say what it would do); until Leave.
  void Use(const std::string& remediation, const std::string& node);
  void Leave(const std::string& remediation);
  // Of one that another process has carried out, ended or not: how many pods owners had before.
  void Remember(const crds::Remediation& remediation);
  // Of one that it has left: the evictions that nobody knows the outcome of, and the restart of a
  // host.
  void Adopt(const crds::Remediation& remediation);
  // Which hosts it restarts (actions::RestartsOf), as of now; until EndRestarts.
  void FollowRestarts(const crds::Remediation& remediation);
  void EndRestarts(const std::string& remediation) { cluster_.SetRestarts(remediation, {}); }

  // What has to be watched now.
  std::vector<policy::Watches::Extra> Needs() const;
  void OnObject(const kube::GroupVersionKind& gvk, const kube::ObjectKey& key);
  // Other watches may serve than before.
  void OnViews();

  // What of the cluster has not been read, or is not believed now; "" when all of it is.
  const std::string& Missing();
  drain::Cluster& cluster() { return cluster_; }

 private:
  struct Dirty {
    std::string kind;
    kube::ObjectKey key;
    friend auto operator<=>(const Dirty&, const Dirty&) = default;
  };
  // What is not read, or not believed: its watch is listing or without connection.
  std::string FindMissing(std::vector<const cache::Informer*>& serving) const;
  void Rebuild();
  void Apply(const std::string& kind, const kube::ObjectKey& key,
             const document::DocumentPtr& object);
  void Later();
  void Tick();
  void Schedule(absl::Duration delay);

  const policy::Watches& watches_;
  runtime::Engine& engine_;
  const Callbacks callbacks_;
  drain::Cluster cluster_;
  std::map<std::string, std::string> users_;  // Remediation to node
  bool ready_ = false;
  std::string missing_ = "not watched yet";
  MonotonicTime checked_;  // that all of it is still believed
  std::vector<const cache::Informer*> serving_;
  std::set<Dirty> dirty_;
  std::map<std::string, std::pair<std::string, std::string>> attachments_;  // volume, node
  std::set<std::string> changed_nodes_;
  bool changed_ = false;  // something that may concern any drain
  MonotonicTime woke_all_;
  bool scheduled_ = false;
  std::shared_ptr<Drains*> self_;
};

}  // namespace kr::remediation
