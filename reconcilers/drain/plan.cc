#include "reconcilers/drain/plan.h"

#include <algorithm>
#include <tuple>

#include "reconcilers/drain/placement.h"

namespace kr::drain {
namespace {

using By = Block::By;
using Fate = Line::Fate;

// A pod may take so long to end after its grace.
constexpr absl::Duration kEndsAfterGrace = absl::Seconds(30);

Line Stays(const Pod& pod, Kind kind, std::string why, bool left = false) {
  return {.pod = &pod, .kind = kind, .fate = Fate::kStays, .why = std::move(why), .left = left};
}

Block Rule(std::string text) {
  return {.by = By::kRule, .text = std::move(text), .lasting = true};
}

void AddWhy(Line& line, std::string_view why) {
  line.why += (line.why.empty() ? "" : ", ") + std::string(why);
}

// What somebody has told drains about the pod, by its label.
std::optional<Line> ByLabel(const Situation& s, const Pod& pod, Kind kind, bool best_effort) {
  if (s.rules.do_not_disrupt == crds::DrainOptOut::kIgnore) return std::nullopt;
  if (AsksToBeSkipped(pod)) {
    return Stays(pod, kind, "it asks for that (cluster.x-k8s.io/drain: skip)", true);
  }
  if (!AsksToComplete(pod)) return std::nullopt;
  const std::string why = "it asks to be left to complete (cluster.x-k8s.io/drain: wait-completed)";
  if (best_effort) {
    return Stays(pod, kind, why + ", and nobody would see on this node that it completes", true);
  }
  return Line{.pod = &pod,
              .kind = kind,
              .fate = Fate::kCompletes,
              .why = why,
              .block = Block{By::kLeaving, why}};
}

// What the policy says about what pods like this one lose.
std::optional<Line> ByRules(const Situation& s, const Pod& pod, Kind kind, bool best_effort,
                            Line& line) {
  const crds::Drain& rules = s.rules;
  if (best_effort && OneAtATime(kind)) {
    return Stays(pod, kind, "the node is not ready: nobody would see that it has ended", true);
  }
  if (kind == Kind::kStatefulSet || kind == Kind::kOperated) {
    if (rules.stateful_sets == crds::DrainStatefulSets::kSkip) {
      return Stays(pod, kind, "statefulSets: Skip", true);
    }
    if (rules.stateful_sets == crds::DrainStatefulSets::kBlock) {
      line.block = Rule("it belongs to " + pod.owner->kind + " " + pod.owner->name +
                        " (statefulSets: Block)");
      return std::nullopt;
    }
  }
  if (kind == Kind::kUnmanaged) {
    const std::string orphan = pod.owner ? "DaemonSet " + pod.owner->name + " is gone: " : "";
    if (rules.unmanaged == crds::DrainUnmanaged::kSkip) {
      return Stays(pod, kind, orphan + "nobody would bring it back (unmanaged: Skip)", true);
    }
    if (rules.unmanaged == crds::DrainUnmanaged::kBlock) {
      line.block =
          Rule(orphan + "it has no controller that would bring it back (unmanaged: Block)");
      return std::nullopt;
    }
    AddWhy(line, orphan + "nobody brings it back");
  }
  if (!pod.do_not_disrupt.empty() && rules.do_not_disrupt == crds::DrainOptOut::kRespect) {
    line.block = Rule("it asks not to be disrupted (" + pod.do_not_disrupt + ")");
    return std::nullopt;
  }
  if (pod.spec->empty_dir || pod.spec->ephemeral) {
    const std::string what = pod.spec->empty_dir ? "an emptyDir" : "an ephemeral volume";
    if (rules.empty_dir == crds::DrainEmptyDir::kBlock) {
      line.block = Rule("it has data in " + what + ", which goes with it (emptyDir: Block)");
      return std::nullopt;
    }
    AddWhy(line, "the data in " + what + " is lost");
  }
  if (pod.spec->host_path) AddWhy(line, "data in a hostPath stays on this node");
  return std::nullopt;
}

// Where it could go, and what the policy says when that is nowhere.
std::optional<Line> ByPlace(const Situation& s, const Pod& pod, Kind kind, Line& line) {
  Reach reach = WhereTo(pod, s.cluster);
  line.to = std::move(reach.nodes);
  line.more = reach.more;
  if (line.to.empty()) {
    const std::string nowhere = "no other node would take it: " + reach.why_not;
    switch (s.rules.immovable) {
      case crds::DrainImmovable::kSkip:
        return Stays(pod, kind, nowhere + " (immovable: Skip)", true);
      case crds::DrainImmovable::kBlock:
        line.block = Block{.by = reach.volume.empty() ? By::kPlacement : By::kVolume,
                           .text = nowhere + " (immovable: Block)",
                           // Nodes may become ready, a volume does not move.
                           .lasting = !reach.volume.empty()};
        return std::nullopt;
      case crds::DrainImmovable::kEvictAnyway:
        AddWhy(line, "it waits until this node is back: " + reach.why_not);
        return std::nullopt;
    }
  }
  if (s.rules.headroom == crds::DrainHeadroom::kCheck && !HasRoom(pod, s.cluster)) {
    line.block = Block{By::kRoom, "none of the nodes that would take it has room for it now"};
  }
  return std::nullopt;
}

// Of a volume that only one node can have.
bool HasToBeDetached(const Pod& pod, const Cluster& cluster) {
  return std::any_of(pod.claims.begin(), pod.claims.end(), [&](const std::string& name) {
    const Claim* claim = cluster.FindClaim({pod.key.name_space, name});
    if (claim == nullptr || claim->shared) return false;
    const Volume* volume = cluster.FindVolume(claim->volume);
    return volume != nullptr && volume->attachable;
  });
}

// That every pod stays is not what a drain is for: its node is one of those that a policy has to
// mean.
Line StaysAsMirror(const Situation& s, const Pod& pod) {
  Line line = Stays(pod, Kind::kMirror, "it mirrors a file on the node");
  if (!s.control_plane && IsControlPlane(pod)) {
    line.block = Rule(
        "the node is of the control plane: only a policy with "
        "target.includeControlPlane: true drains it");
  }
  return line;
}

Line MakeLine(const Situation& s, const Pod& pod, bool best_effort) {
  Kind kind = Classify(pod);
  if (kind == Kind::kDaemonSet && !pod.Finished() && s.orphaned.contains(pod.owner->uid)) {
    kind = Kind::kUnmanaged;
  }
  switch (kind) {
    case Kind::kMirror:
      return StaysAsMirror(s, pod);
    case Kind::kDaemonSet:
      return Stays(pod, kind,
                   "it belongs to DaemonSet " + pod.key.name_space + "/" + pod.owner->name);
    case Kind::kFinished:
      return Stays(pod, kind, "it has finished");
    default:
      break;
  }
  Line line{.pod = &pod, .kind = kind, .fate = Fate::kGoes};
  line.serial = HasToBeDetached(pod, s.cluster);
  if (s.cluster.IsLeaving(pod) || s.evicted.contains(pod.uid)) {
    if (best_effort) return Stays(pod, kind, "it has been told to go");
    line.fate = Fate::kWaits;
    if (pod.deleted && *pod.deleted + kEndsAfterGrace < s.now) {
      line.block =
          Block{By::kLeaving, "it should have ended at " +
                                  absl::FormatTime("%H:%M:%S", *pod.deleted, absl::UTCTimeZone()) +
                                  " UTC and has not"};
    }
    return line;
  }
  if (auto asked = ByLabel(s, pod, kind, best_effort)) return *std::move(asked);
  if (auto stays = ByRules(s, pod, kind, best_effort, line)) return *std::move(stays);
  if (!line.block) {
    if (auto stays = ByPlace(s, pod, kind, line)) return *std::move(stays);
  }
  line.last = IsSystemCritical(pod) || pod.uid == s.own_pod_uid;
  return line;
}

std::string Names(const std::vector<std::string>& names, bool more) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    const bool ends = i + 1 == names.size() && !more;
    text += (i == 0 ? "" : ends ? " or " : ", ") + names[i];
  }
  return text + (more ? " or others" : "");
}

// What comes back at once, then what has volumes, then sets; the highest ordinal first.
bool Before(const Line& a, const Line& b) {
  const auto rank = [](const Line& line) {
    const int tier = !OneAtATime(line.kind) ? (line.serial ? 1 : 0) : 2;
    return std::tuple(line.last, tier, -OrdinalOf(line.pod->key.name));
  };
  return rank(a) < rank(b);
}

}  // namespace

std::string Line::Text() const {
  switch (fate) {
    case Fate::kStays:
      return "stays: " + why;
    case Fate::kWaits:
      return "is leaving";
    case Fate::kCompletes:
      return "waited for: " + why;
    case Fate::kGoes:
      break;
  }
  return "evict" + (why.empty() ? "" : "; " + why);
}

std::string Line::Message() const {
  std::string text = to.empty() ? "" : "could go to " + Names(to, more);
  if (block && fate != Fate::kCompletes) {
    text += (text.empty() ? "" : "; ") + ("blocked: " + block->text);
  }
  return text;
}

std::vector<const Line*> Plan::Refused() const {
  std::vector<const Line*> refused;
  for (const Line& line : lines) {
    if (line.block && line.block->lasting) refused.push_back(&line);
  }
  return refused;
}

Plan MakePlan(const Situation& s) {
  Plan plan;
  const Node* node = s.cluster.FindNode(s.node);
  plan.best_effort = node == nullptr || !node->ready;
  for (const Pod* pod : s.cluster.PodsOn(s.node)) {
    plan.lines.push_back(MakeLine(s, *pod, plan.best_effort));
  }
  std::stable_sort(plan.lines.begin(), plan.lines.end(), Before);
  Allowance allowance(s.cluster, s.rules.max_unavailable, s.wants, s.now);
  for (Line& line : plan.lines) {
    if (line.fate != Fate::kGoes || line.block) continue;
    line.block = allowance.Check(*line.pod);
    if (line.block || line.kind != Kind::kStatefulSet) continue;
    const StatefulSet* set = s.cluster.FindSet({line.pod->key.name_space, line.pod->owner->name});
    if (set == nullptr) continue;  // it is not known what it wants: the live check decides
    std::vector<Pod> pods;
    for (const Pod* pod : s.cluster.PodsOf(set->uid)) {
      pods.push_back(*pod);
      if (s.cluster.IsLeaving(*pod) && !pods.back().deleted) pods.back().deleted = s.now;
    }
    if (std::string why = WhyNotWhole(*set, pods, line.pod, s.now); !why.empty()) {
      line.block = Block{By::kQuorum, std::move(why)};
    }
  }
  if (s.rules.headroom == crds::DrainHeadroom::kCheck) {
    std::vector<const Pod*> going;
    for (const Line& line : plan.lines) {
      if (!line.to.empty()) going.push_back(line.pod);  // else it waits for a node
    }
    plan.missing_room = MissingRoom(s.node, going, s.cluster);
  }
  return plan;
}

}  // namespace kr::drain
