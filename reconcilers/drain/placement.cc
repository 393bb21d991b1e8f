#include "reconcilers/drain/placement.h"

#include <algorithm>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "reconcilers/drain/classify.h"

namespace kr::drain {
namespace {

constexpr char kCordonTaint[] = "node.kubernetes.io/unschedulable";
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

bool Fits(const Pod& pod, const Node& node, const Cluster& cluster) {
  const Amounts used = cluster.Requested(node.name);
  const auto room = [&](const std::string& name, double wanted) {
    const auto all = node.allocatable.find(name);
    if (all == node.allocatable.end()) return name == "pods";  // nobody says how many
    const auto taken = used.find(name);
    return all->second - (taken == used.end() ? 0 : taken->second) + kRounding >= wanted;
  };
  if (!room("pods", 1)) return false;
  return std::all_of(pod.spec->requests.begin(), pod.spec->requests.end(),
                     [&](const auto& r) { return r.second <= 0 || room(r.first, r.second); });
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

std::string MissingRoom(std::string_view node, const Cluster& cluster) {
  std::set<std::string, std::less<>> drained{std::string(node)};
  for (const auto& [by, other] : cluster.open()) drained.insert(other);
  Amounts wanted, free;
  for (const std::string& name : drained) {
    for (const Pod* pod : cluster.PodsOn(name)) {
      const Kind kind = Classify(*pod);
      if (kind == Kind::kMirror || kind == Kind::kDaemonSet || kind == Kind::kFinished) continue;
      if (cluster.IsLeaving(*pod)) continue;  // its successor has taken its room elsewhere
      for (const auto& [resource, amount] : pod->spec->requests) wanted[resource] += amount;
      wanted["pods"] += 1;
    }
  }
  std::set<std::string> counted{"pods"};
  for (const auto& [name, other] : cluster.nodes()) {
    if (drained.contains(name) || !other.ready || other.unschedulable || other.going) continue;
    const Amounts used = cluster.Requested(name);
    for (const auto& [resource, amount] : other.allocatable) {
      const auto taken = used.find(resource);
      free[resource] += std::max(0.0, amount - (taken == used.end() ? 0 : taken->second));
      counted.insert(resource);
    }
  }
  std::string missing;
  for (const auto& [resource, amount] : wanted) {
    const auto have = free.find(resource);
    if (resource == "pods" && have == free.end()) continue;  // no node says how many it takes
    const double lacks = amount - (have == free.end() ? 0 : have->second);
    if (amount <= 0 || lacks <= kRounding * std::max(1.0, amount)) continue;
    missing += (missing.empty() ? "" : ", ") + AmountText(resource, lacks);
  }
  return missing;
}

}  // namespace kr::drain
