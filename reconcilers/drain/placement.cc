#include "reconcilers/drain/placement.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "reconcilers/drain/classify.h"

namespace kr::drain {
namespace {

constexpr char kCordonTaint[] = "node.kubernetes.io/unschedulable";
constexpr std::string_view kVolumesOf = "volumes of ";
constexpr double kRounding = 1e-6;

bool Holds(const NodeRequirement& requirement, const Node& node) {
  const std::string* value = nullptr;
  if (requirement.field) {
    if (requirement.key == "metadata.name") value = &node.name;
  } else if (const auto label = node.labels.find(requirement.key); label != node.labels.end()) {
    value = &label->second;
  }
  const auto among = [&] {
    return std::find(requirement.values.begin(), requirement.values.end(), *value) !=
           requirement.values.end();
  };
  if (requirement.op == "In") return value != nullptr && among();
  if (requirement.op == "NotIn") return value == nullptr || !among();
  if (requirement.op == "Exists") return value != nullptr;
  if (requirement.op == "DoesNotExist") return value == nullptr;
  int64_t have = 0, bound = 0;
  if (value == nullptr || requirement.values.size() != 1 || !absl::SimpleAtoi(*value, &have) ||
      !absl::SimpleAtoi(requirement.values[0], &bound)) {
    return false;
  }
  return requirement.op == "Gt" ? have > bound : requirement.op == "Lt" && have < bound;
}

bool Tolerated(const PodSpec& spec, const Taint& taint) {
  return std::any_of(spec.tolerations.begin(), spec.tolerations.end(), [&](const Toleration& t) {
    if (!t.effect.empty() && t.effect != taint.effect) return false;
    if (t.key.empty()) return t.op == "Exists";
    if (t.key != taint.key) return false;
    return t.op == "Exists" || t.value == taint.value;
  });
}

bool Selected(const PodSpec& spec, const Node& node) {
  for (const auto& [key, value] : spec.node_selector) {
    const auto label = node.labels.find(key);
    if (label == node.labels.end() || label->second != value) return false;
  }
  return !spec.node_terms || Matches(*spec.node_terms, node);
}

// A pod there from which this one has to keep away.
bool Crowded(const Pod& pod, const Node& node, const Cluster& cluster) {
  if (pod.spec->apart_from.empty()) return false;
  for (const Pod* other : cluster.PodsOn(node.name)) {
    if (other->key.name_space != pod.key.name_space || other->Finished()) continue;
    if (other->uid == pod.uid || cluster.IsLeaving(*other)) continue;
    for (const crds::LabelSelector& selector : pod.spec->apart_from) {
      if (selector.Matches(other->labels)) return true;
    }
  }
  return false;
}

// The volumes of a pod that say which nodes they can be used on.
std::vector<const Volume*> TyingVolumes(const Pod& pod, const Cluster& cluster) {
  std::vector<const Volume*> volumes;
  for (const std::string& name : pod.claims) {
    const Claim* claim = cluster.FindClaim({pod.key.name_space, name});
    if (claim == nullptr || claim->volume.empty()) continue;
    const Volume* volume = cluster.FindVolume(claim->volume);
    if (volume != nullptr && volume->node_terms) volumes.push_back(volume);
  }
  return volumes;
}

enum class Objection { kNone, kAway, kTaint, kSelector, kVolume, kCrowded };

Objection Objects(const Pod& pod, const std::vector<const Volume*>& volumes, const Node& node,
                  const Cluster& cluster, std::string& volume) {
  for (const Volume* tying : volumes) {
    if (Matches(*tying->node_terms, node)) continue;
    volume = tying->name;
    return Objection::kVolume;
  }
  if (!Selected(*pod.spec, node)) return Objection::kSelector;
  if (!node.ready || node.unschedulable || node.going) return Objection::kAway;
  if (!Tolerates(*pod.spec, node)) return Objection::kTaint;
  if (Crowded(pod, node, cluster)) return Objection::kCrowded;
  return Objection::kNone;
}

bool CanHave(const std::vector<const Volume*>& volumes, const Node& node) {
  return std::all_of(volumes.begin(), volumes.end(),
                     [&](const Volume* volume) { return Matches(*volume->node_terms, node); });
}

// A node has room for so many volumes of each CSI driver, as it has for cpu.
std::string VolumesOf(const std::string& driver) {
  return std::string(kVolumesOf) + driver;
}

// What the pod takes of another node.
void AddNeeds(const Pod& pod, const Cluster& cluster, Amounts& needs) {
  for (const auto& [resource, amount] : pod.spec->requests) needs[resource] += amount;
  needs["pods"] += 1;
  for (const std::string& name : pod.claims) {
    const Claim* claim = cluster.FindClaim({pod.key.name_space, name});
    if (claim == nullptr || claim->shared) continue;
    const Attachment* attachment = cluster.FindAttachment(claim->volume, pod.node);
    if (attachment != nullptr) needs[VolumesOf(attachment->driver)] += 1;
  }
}

double FreeOn(const Node& node, const std::string& resource, const Cluster& cluster) {
  constexpr double kAny = std::numeric_limits<double>::infinity();  // nobody says how many
  if (resource.starts_with(kVolumesOf)) {
    const auto free = cluster.FreeVolumes(node.name, resource.substr(kVolumesOf.size()));
    return free ? static_cast<double>(*free) : kAny;
  }
  const auto all = node.allocatable.find(resource);
  if (all == node.allocatable.end()) return resource == "pods" ? kAny : 0;
  const Amounts& requested = cluster.Requested(node.name);
  const auto taken = requested.find(resource);
  return all->second - (taken == requested.end() ? 0 : taken->second);
}

bool Fits(const Pod& pod, const Node& node, const Cluster& cluster) {
  Amounts needs;
  AddNeeds(pod, cluster, needs);
  return std::all_of(needs.begin(), needs.end(), [&](const auto& need) {
    return need.second <= 0 || FreeOn(node, need.first, cluster) + kRounding >= need.second;
  });
}

std::string AmountText(const std::string& name, double amount) {
  constexpr double kGi = 1024.0 * 1024 * 1024;
  if (name == "memory" || name == "ephemeral-storage") {
    return absl::StrFormat("%.1fGi %s", amount / kGi, name);
  }
  return absl::StrFormat("%.4g %s", amount, name);
}

}  // namespace

bool Matches(const NodeTerms& terms, const Node& node) {
  return std::any_of(terms.begin(), terms.end(), [&](const auto& term) {
    return !term.empty() && std::all_of(term.begin(), term.end(),
                                        [&](const NodeRequirement& r) { return Holds(r, node); });
  });
}

bool Tolerates(const PodSpec& spec, const Node& node) {
  return std::all_of(node.taints.begin(), node.taints.end(), [&](const Taint& taint) {
    return taint.effect == "PreferNoSchedule" || Tolerated(spec, taint);
  });
}

bool ToleratesCordon(const PodSpec& spec) {
  return Tolerated(spec, {kCordonTaint, "", "NoSchedule"});
}

Reach WhereTo(const Pod& pod, const Cluster& cluster, size_t at_most) {
  Reach reach;
  const std::vector<const Volume*> volumes = TyingVolumes(pod, cluster);
  std::map<Objection, int64_t> against;
  std::string volume;
  for (const auto& [name, node] : cluster.nodes()) {
    if (name == pod.node) continue;
    const Objection objection = Objects(pod, volumes, node, cluster, volume);
    if (objection != Objection::kNone) {
      ++against[objection];
      continue;
    }
    if (reach.nodes.size() == at_most) {
      reach.more = true;
      break;
    }
    reach.nodes.push_back(name);
  }
  if (!reach.nodes.empty()) return reach;
  const auto say = [&](Objection objection, const std::string& text) {
    if (!against.contains(objection)) return;
    reach.why_not +=
        (reach.why_not.empty() ? "" : ", ") + std::to_string(against[objection]) + " " + text;
  };
  say(Objection::kVolume, "cannot have its volume " + volume);
  say(Objection::kSelector, "do not match its node selector or affinity");
  say(Objection::kAway, "are not ready or not schedulable");
  say(Objection::kTaint, "have taints that it does not tolerate");
  say(Objection::kCrowded, "have a pod that it must be kept apart from");
  if (reach.why_not.empty()) reach.why_not = "there is no other node";
  // A volume that other nodes could have, were they schedulable, does not tie it to this one.
  if (against.contains(Objection::kVolume)) reach.volume = volume;
  return reach;
}

bool HasRoom(const Pod& pod, const Cluster& cluster) {
  const std::vector<const Volume*> volumes = TyingVolumes(pod, cluster);
  std::string volume;
  for (const auto& [name, node] : cluster.nodes()) {
    if (name == pod.node || !Fits(pod, node, cluster)) continue;
    if (Objects(pod, volumes, node, cluster, volume) == Objection::kNone) return true;
  }
  return false;
}

std::string MissingRoom(const std::string& node, std::span<const Pod* const> going,
                        const Cluster& cluster) {
  std::set<std::string, std::less<>> drained{node};
  for (const auto& [by, other] : cluster.open()) drained.insert(other);
  std::vector<const Node*> others;
  for (const auto& [name, other] : cluster.nodes()) {
    if (!other.ready || other.unschedulable || other.going || drained.contains(name)) continue;
    others.push_back(&other);
  }
  struct Tied {
    Amounts needs;
    std::string volume;  // of one of the pods
  };
  Amounts all;
  std::map<std::vector<const Node*>, Tied> tied;  // to these nodes
  const auto add = [&](const Pod& pod) {
    if (const auto volumes = TyingVolumes(pod, cluster); !volumes.empty()) {
      std::vector<const Node*> able = others;
      std::erase_if(able, [&](const Node* other) { return !CanHave(volumes, *other); });
      if (able.empty()) return;  // it takes no room, wherever that is
      Tied& there = tied[std::move(able)];
      if (there.volume.empty()) there.volume = volumes.front()->name;
      AddNeeds(pod, cluster, there.needs);
    }
    AddNeeds(pod, cluster, all);
  };
  for (const Pod* pod : going) add(*pod);
  drained.erase(node);
  for (const std::string& name : drained) {
    for (const Pod* pod : cluster.PodsOn(name)) {
      const Kind kind = Classify(*pod);
      if (kind == Kind::kMirror || kind == Kind::kDaemonSet || kind == Kind::kFinished) continue;
      if (!cluster.IsLeaving(*pod)) add(*pod);  // else its successor has its room elsewhere
    }
  }
  std::string missing;
  const auto compare = [&](const Amounts& needs, const std::vector<const Node*>& nodes,
                           const std::string& where) {
    for (const auto& [resource, amount] : needs) {
      const double rounding = kRounding * std::max(1.0, amount);
      double lacks = amount;
      for (const Node* other : nodes) {
        if (lacks <= rounding) break;  // mostly soon, of many nodes
        lacks -= std::max(0.0, FreeOn(*other, resource, cluster));
      }
      if (lacks <= rounding) continue;
      missing += (missing.empty() ? "" : ", ") + AmountText(resource, lacks) + where;
    }
  };
  compare(all, others, "");
  for (const auto& [nodes, there] : tied) {
    compare(there.needs, nodes, " (where volume " + there.volume + " can be)");
  }
  return missing;
}

}  // namespace kr::drain
