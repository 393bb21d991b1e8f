#include "reconcilers/actions/reboot_locks.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"
#include "crds/meta/time.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/drain/classify.h"
#include "reconcilers/drain/cluster.h"
#include "reconcilers/drain/limits.h"
#include "reconcilers/drain/parse.h"
#include "reconcilers/drain/request.h"

namespace kr::actions {
namespace {

using crds::StepState;
using nlohmann::json;

// A live list is believed for so long.
constexpr absl::Duration kFresh = absl::Seconds(10);
// Nothing tells when a set is whole again.
constexpr absl::Duration kLookAgain = absl::Seconds(5);

std::vector<drain::Pod> PodsIn(const json& list) {
  std::vector<drain::Pod> pods;
  for (const json& item : list.value("items", json::array())) pods.push_back(drain::ParsePod(item));
  return pods;
}

// Who takes a pod of the same owner down at this moment; "" when nobody else does.
std::string WhoHolds(const drain::Pod& pod, const Observed& observed) {
  if (observed.cluster == nullptr) return "";
  const std::string& self = observed.remediation->metadata.name;
  const std::string of =
      " of " + pod.owner->kind + " " + pod.key.name_space + "/" + pod.owner->name;
  const auto holder = observed.cluster->HolderOf(pod);
  if (holder && holder->by != self) return "Remediation " + holder->by + " " + holder->doing + of;
  // Without a drain nobody watches pods: then this list alone says where they are.
  const std::string restarter = observed.cluster->RestarterOf(pod);
  if (restarter.empty() || restarter == self) return "";
  return "Remediation " + restarter + " restarts Node " + pod.node + " with pod " + pod.key.name +
         of;
}

// Why the set cannot miss its members on the node; "" when it can.
std::string WhyNot(const drain::StatefulSet& set, std::vector<drain::Pod> members,
                   const std::string& node, const Observed& observed) {
  for (drain::Pod& pod : members) {
    if (!pod.owner || pod.owner->uid != set.uid) continue;
    if (std::string who = WhoHolds(pod, observed); !who.empty()) return who;
    if (pod.node != node) continue;
    // All of them go down together: how they are does not matter.
    pod.ready = true;
    pod.ready_since = absl::InfinitePast();
    pod.deleted.reset();
  }
  return drain::WhyNotWhole(set, members, /*leaving=*/nullptr, observed.now);
}

// The same of what an operator owns, `pod` on the node being one of it. How many it wants is not
// known; what is there has to be ready, and what we have evicted to be replaced.
std::string WhyNotOperated(const drain::Pod& pod, const std::vector<drain::Pod>& in_namespace,
                           const Observed& observed) {
  const std::string name =
      pod.owner->kind + " " + pod.key.name_space + "/" + pod.owner->name + " is not whole: ";
  int64_t there = 0;
  for (const drain::Pod& member : in_namespace) {
    if (!member.owner || member.owner->uid != pod.owner->uid || member.Finished()) continue;
    if (std::string who = WhoHolds(member, observed); !who.empty()) return who;
    there += !member.deleted || member.node == pod.node ? 1 : 0;
    if (member.node == pod.node) continue;  // all of them go down together
    if (member.deleted) return name + "its pod " + member.key.name + " is going";
    if (!member.ready) return name + "its pod " + member.key.name + " is not ready";
  }
  const int64_t wanted =
      observed.cluster == nullptr ? 0 : observed.cluster->Wanted(pod, observed.now);
  if (there >= wanted) return "";
  return name + std::to_string(there) + " of its " + std::to_string(wanted) + " pods are there";
}

// A live list that knows of our own evictions from the owner; nullptr: it has to be made.
const json* MembersOf(const Observed& observed, std::string_view look, std::string_view owner) {
  const json* list = FreshLook(observed, look, kFresh);
  const bool before_eviction =
      list != nullptr && observed.cluster != nullptr &&
      observed.looked.find(look)->second.at <= observed.cluster->LastEviction(owner);
  return before_eviction ? nullptr : list;
}

Next NotNow(const std::string& why, const Observed& observed) {
  return Wait{.until = observed.now + kLookAgain,
              .progress = "the host is not restarted now: " + why,
              .memo = nullptr,
              .reread = true};
}

}  // namespace

std::optional<Next> AwaitWholeSets(const Observed& observed) {
  const std::string& node = observed.ref.key.name;
  const std::string on_node = "pods of the node";
  const json* list = FreshLook(observed, on_node, kFresh);
  if (list == nullptr) return Look{drain::ListPodsOn(node), on_node};
  std::map<kube::ObjectKey, std::string> sets;  // to the UID that its pods name
  std::map<std::string, drain::Pod> operated;   // one of each owner, by its UID
  for (const drain::Pod& pod : PodsIn(*list)) {
    if (pod.node != node) continue;
    const drain::Kind kind = drain::Classify(pod);
    if (kind == drain::Kind::kOperated) operated.emplace(pod.owner->uid, pod);
    if (kind != drain::Kind::kStatefulSet) continue;
    sets[{pod.key.name_space, pod.owner->name}] = pod.owner->uid;
  }
  for (const auto& [key, uid] : sets) {
    const std::string name = "StatefulSet " + key.ToString();
    const json* found = FreshLook(observed, name, kFresh);
    if (found == nullptr) {
      return Look{kube::GetObject({{"apps", "v1", "StatefulSet"}, "statefulsets", true}, key),
                  name};
    }
    if (FindText(*found, {"metadata", "uid"}) != uid) continue;  // of a set that is gone
    const drain::StatefulSet set = drain::ParseStatefulSet(*found);
    const std::string members = "pods of " + name;
    const json* pods = MembersOf(observed, members, uid);
    if (pods == nullptr) {
      return Look{drain::ListPods(key.name_space, set.selector.ToString()), members};
    }
    const std::string why = WhyNot(set, PodsIn(*pods), node, observed);
    if (!why.empty()) return NotNow(why, observed);
  }
  for (const auto& [uid, pod] : operated) {
    // What selects them, only their operator knows.
    const std::string members = "pods of namespace " + pod.key.name_space;
    const json* pods = MembersOf(observed, members, uid);
    if (pods == nullptr) return Look{drain::ListPods(pod.key.name_space, ""), members};
    const std::string why = WhyNotOperated(pod, PodsIn(*pods), observed);
    if (!why.empty()) return NotNow(why, observed);
  }
  return std::nullopt;
}

drain::Cluster::HostRestarts RestartsOf(const crds::Remediation& remediation) {
  drain::Cluster::HostRestarts restarts;
  for (const crds::StepProgress& step : remediation.status.steps) {
    const bool counts = step.state == StepState::kRunning || step.state == StepState::kSucceeded;
    if (step.action != "nodeCommand" || !counts || step.memo.empty()) continue;
    const auto ordered = crds::ParseTime(FindText(step.memo.Parse(), {kRestartOrdered}));
    if (!ordered) continue;
    restarts[step.object ? step.object->name : remediation.spec.target_ref.name] = *ordered;
  }
  return restarts;
}

}  // namespace kr::actions
