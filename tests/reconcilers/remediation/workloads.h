#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {

// Nodes with pods that come back: plays kubelets, the scheduler and the controllers of ReplicaSets,
// StatefulSets and PodDisruptionBudgets, and watches from outside that nobody is hurt.
class Workloads : public Simulation {
 public:
  Workloads();

  void Node(const std::string& name, bool cordoned = false);
  void Sick(const std::string& node, bool sick = true);
  void Cordon(const std::string& node, bool cordoned = true);
  void Ready(const std::string& node, bool ready);
  // Its host restarts: everything on it ends, and begins again when it is up.
  void HostGoesDown(const std::string& node);
  void HostIsUp(const std::string& node, const std::string& boot);
  void ReplicaSet(const std::string& name, int replicas, const std::vector<std::string>& on = {});
  void StatefulSet(const std::string& name, int replicas, bool parallel = false,
                   const std::vector<std::string>& on = {});
  // Pods that an operator of their own kind makes: "kafka-0", ...
  void Operated(const std::string& name, int replicas, const std::vector<std::string>& on);
  void Scale(const std::string& owner, int replicas);
  // Of a set or ReplicaSet: at most so many away.
  void Budget(const std::string& of, int max_unavailable);

  // Time passes, and everybody does their part.
  void Live(absl::Duration duration);
  // Until the remedy of a node is over (it holds, or has ended); its phase, or "still <phase>:
  // <message>".
  std::string AwaitEnd(const std::string& node, absl::Duration within = absl::Minutes(15));
  nlohmann::json Of(const std::string& node) const;  // the newest Remediation
  std::string Message(const std::string& node) const;
  std::vector<std::string> PodsOn(const std::string& node) const;  // those that are not going

  // What was seen that must not be: empty.
  std::vector<std::string> hurt;
  // By UID: how often an eviction of the pod was executed.
  std::map<std::string, int> evictions;
  std::vector<std::string> evicted;  // names, in order
  absl::Duration ends_after = absl::Seconds(1), ready_after = absl::Seconds(1);
  bool pods_start = true;
  bool owners_make_pods = true;

 private:
  struct Owner {
    std::string name, kind;
    int replicas = 0;
    bool parallel = false;
  };
  nlohmann::json MakePod(const Owner& owner, const std::string& name, const std::string& node);
  std::string Place() const;
  void Step();
  void Check();
  void UpdateStatus(const Owner& owner);
  void CountPods();
  const std::vector<nlohmann::json>& PodsOf(const Owner& owner);  // as of CountPods

  std::map<std::string, Owner> owners_;
  std::map<std::string, int> budgets_;
  std::map<std::string, absl::Time> since_;  // by UID: created, or going
  std::map<std::string, std::vector<nlohmann::json>> pods_;
  int counter_ = 0;
};

// Nodes with the annotation `sick` are drained.
nlohmann::json DrainSpec(const nlohmann::json& drain = nlohmann::json::object());

}  // namespace kr::remediation
