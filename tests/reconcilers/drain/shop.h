#pragma once

#include <string>
#include <utility>
#include <vector>

#include "reconcilers/drain/decide.h"

// A small cluster to drain nodes of: what a test does not say is as in a healthy one.
namespace kr::drain {

class Shop {
 public:
  explicit Shop(int nodes = 3);

  // Changes what is there: `edit` sees it as it is.
  template <typename Edit>
  void EditNode(const std::string& name, Edit edit) {
    Node changed = *cluster.FindNode(name);
    edit(changed);
    cluster.Put(std::move(changed));
  }
  template <typename Edit>
  void EditPod(const std::string& name, Edit edit) {
    Pod changed = *cluster.FindPod({"shop", name});
    edit(changed);
    cluster.Put(std::move(changed));
  }
  template <typename Edit>
  void EditSpec(const std::string& name, Edit edit) {
    EditPod(name, [&](Pod& pod) {
      PodSpec spec = *pod.spec;
      edit(spec);
      pod.spec = std::make_shared<PodSpec>(std::move(spec));
    });
  }

  // Pods "web-a", "web-b", ... of ReplicaSet "web", one on each of the nodes.
  void Replicas(const std::string& owner, const std::vector<std::string>& on);
  // Pods "kafka-0", ... of an operator's own kind, one on each of the nodes.
  void Operated(const std::string& name, const std::vector<std::string>& on);
  // A StatefulSet with its pods "db-0", ... on these nodes.
  void Set(const std::string& name, const std::vector<std::string>& on);
  void Lonely(const std::string& name, const std::string& on);
  void DaemonPod(const std::string& name, const std::string& on);
  // Of pods with app=`app`, as the disruption controller would fill it in.
  void Limit(const std::string& app, int64_t allowed, int64_t healthy = 3, int64_t desired = 2);
  // A volume that only `nodes` can have ("": all), bound to a claim of the pod.
  void GiveVolume(const std::string& pod, const std::string& volume,
                  const std::vector<std::string>& nodes = {});

  // Our drain of n1 has evicted the pod, and it is gone.
  void Evicted(const std::string& pod);

  // The drain of n1, cordoned, 10 s after it began.
  Situation Drain(const std::string& node = "n1");
  Decision Ask(const Situation& situation) { return Decide(situation, true); }
  Decision Ask() { return Ask(Drain()); }
  // What it evicts: "web-a web-b"; with "delete: " in front; otherwise why not.
  static std::string Text(const Decision& decision);
  std::string Asked() { return Text(Ask()); }
  // What the plan says of a pod: text, and what blocks it.
  std::string Planned(const std::string& pod);

  Cluster cluster;
  crds::Drain rules;
  absl::Time now = absl::UnixEpoch() + absl::Hours(24);
  std::map<std::string, kube::ObjectKey> evicted;
  std::map<std::string, Tried> answers;
  std::map<std::string, std::string> operated;
  std::map<std::string, int64_t, std::less<>> wants;

 private:
  Pod MakePod(const std::string& name, const std::string& app, const std::string& on) const;
};

}  // namespace kr::drain
