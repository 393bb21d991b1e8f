#include "reconcilers/actions/reboot_locks.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/drain/cluster.h"
#include "reconcilers/drain/limits.h"
#include "reconcilers/drain/parse.h"
#include "reconcilers/drain/request.h"

namespace kr::actions {
namespace {

using nlohmann::json;

// A live list is believed for so long.
constexpr absl::Duration kFresh = absl::Seconds(10);
// Nothing tells when a set is whole again.
constexpr absl::Duration kLookAgain = absl::Seconds(5);

const json* FreshLook(const Observed& observed, const std::string& name) {
  const auto found = observed.looked.find(name);
  if (found == observed.looked.end() || found->second.at + kFresh < observed.now) return nullptr;
  return &found->second.object;
}

std::vector<drain::Pod> PodsIn(const json& list) {
  std::vector<drain::Pod> pods;
  for (const json& item : list.value("items", json::array())) pods.push_back(drain::ParsePod(item));
  return pods;
}

// Why the set cannot miss its members on the node; "" when it can.
std::string WhyNot(const drain::StatefulSet& set, std::vector<drain::Pod> members,
                   const std::string& node, const Observed& observed) {
  for (drain::Pod& pod : members) {
    if (pod.node != node || !pod.owner || pod.owner->uid != set.uid) continue;
    const std::string holder = observed.cluster == nullptr ? "" : observed.cluster->HolderOf(pod);
    if (!holder.empty() && holder != observed.remediation->metadata.name) {
      return "Remediation " + holder + " evicts another pod of StatefulSet " + set.key.ToString();
    }
    // All of them go down together: how they are does not matter.
    pod.ready = true;
    pod.ready_since = absl::InfinitePast();
    pod.deleted.reset();
  }
  return drain::WhyNotWhole(set, members, /*leaving=*/nullptr, observed.now);
}

}  // namespace

std::optional<Next> AwaitWholeSets(const Observed& observed) {
  const std::string& node = observed.ref.key.name;
  const std::string on_node = "pods of the node";
  const json* list = FreshLook(observed, on_node);
  if (list == nullptr) return Look{drain::ListPodsOn(node), on_node};
  std::map<kube::ObjectKey, std::string> sets;  // to the UID that its pods name
  for (const drain::Pod& pod : PodsIn(*list)) {
    if (pod.node != node || pod.Finished() || !pod.owner) continue;
    if (pod.owner->group != "apps" || pod.owner->kind != "StatefulSet") continue;
    sets[{pod.key.name_space, pod.owner->name}] = pod.owner->uid;
  }
  for (const auto& [key, uid] : sets) {
    const std::string name = "StatefulSet " + key.ToString();
    const json* found = FreshLook(observed, name);
    if (found == nullptr) {
      return Look{kube::GetObject({{"apps", "v1", "StatefulSet"}, "statefulsets", true}, key),
                  name};
    }
    if (FindText(*found, {"metadata", "uid"}) != uid) continue;  // of a set that is gone
    const drain::StatefulSet set = drain::ParseStatefulSet(*found);
    const std::string members = "pods of " + name;
    const json* pods = FreshLook(observed, members);
    if (pods == nullptr) {
      return Look{drain::ListPods(key.name_space, set.selector.ToString()), members};
    }
    const std::string why = WhyNot(set, PodsIn(*pods), node, observed);
    if (why.empty()) continue;
    return Wait{.until = observed.now + kLookAgain,
                .progress = "the host is not restarted now: " + why,
                .memo = nullptr,
                .reread = true};
  }
  return std::nullopt;
}

}  // namespace kr::actions
