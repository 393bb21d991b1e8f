#include "reconcilers/drain/decide.h"

#include <algorithm>
#include <set>

#include "crds/meta/duration.h"
#include "reconcilers/drain/placement.h"

namespace kr::drain {
namespace {

using By = Block::By;
using Fate = Line::Fate;

// A scheduler that has not heard of the cordon may bind a pod for so long.
constexpr absl::Duration kSettle = absl::Seconds(2);
// What holds up a drain shows in watches; this is for what time alone changes.
constexpr absl::Duration kLookAgain = absl::Seconds(10);
// What was deleted at the last moment may take so long beyond it.
constexpr absl::Duration kAfterDeadline = absl::Seconds(30);
// Until the pod that takes over a volume is scheduled; as long as it is not, nothing is attached.
constexpr absl::Duration kScheduledWithin = absl::Seconds(90);
constexpr size_t kNamed = 3;

bool DeletesAtLast(const Situation& s) {
  return s.rules.on_timeout == crds::DrainOnTimeout::kDeletePods;
}

// When a pod is deleted so that its whole grace fits before the deadline; half of the time is left
// for evictions, whatever the grace.
absl::Time RemovedAt(const Situation& s, const Pod& pod) {
  const absl::Duration grace = absl::Seconds(pod.spec->grace_seconds);
  return s.started + s.rules.timeout - std::min(grace, s.rules.timeout / 2);
}

// A deletion asks no budget, and nothing but that: what the policy's own options keep here
// (unmanaged, emptyDir, immovable, headroom, ...) stays.
bool MayBeDeleted(const Situation& s, const Line& line) {
  if (line.block && (line.block->by == By::kRule || line.block->by == By::kVolume ||
                     line.block->by == By::kPlacement || line.block->by == By::kRoom)) {
    return false;
  }
  switch (line.kind) {
    case Kind::kOperated:
      return false;  // its operator alone knows when that is safe
    case Kind::kStatefulSet:
      return s.approved;
    default:
      return true;
  }
}

absl::Time PutOffUntil(const Tried& tried) {
  return tried.at + PauseAfter(tried.answer, tried.times);
}

// The server's last answer about a pod, when it was a no.
const Tried* RefusalOf(const Situation& s, const Pod& pod) {
  const auto tried = s.answers.find(pod.uid);
  const bool refused = tried != s.answers.end() && !IsThrough(tried->second.answer.said);
  return refused ? &tried->second : nullptr;
}

Block BlockOf(const Answer& answer) {
  const bool budget = answer.said == Answer::Said::kBudget ||
                      answer.said == Answer::Said::kOutdated ||
                      answer.said == Answer::Said::kManyBudgets;
  return Block{budget ? By::kBudget : By::kServer, "the API server says: " + answer.text};
}

// A refusal that still holds.
std::optional<Block> PutOff(const Situation& s, const Pod& pod) {
  const Tried* refused = RefusalOf(s, pod);
  if (refused == nullptr || PutOffUntil(*refused) <= s.now) return std::nullopt;
  return BlockOf(refused->answer);
}

// A volume that nobody on the node uses any more and that is not detached yet.
std::string BeingDetached(const Situation& s) {
  std::set<std::string> used;
  for (const Pod* pod : s.cluster.PodsOn(s.node)) {
    if (s.cluster.IsLeaving(*pod) || s.evicted.contains(pod->uid)) continue;
    for (const std::string& name : pod->claims) {
      const Claim* claim = s.cluster.FindClaim({pod->key.name_space, name});
      if (claim != nullptr) used.insert(claim->volume);
    }
  }
  for (const Attachment* attachment : s.cluster.AttachedTo(s.node)) {
    if (!used.contains(attachment->volume)) return attachment->volume;
  }
  return "";
}

// Of the volumes that the last pod took along: one that its successor has not got yet.
std::string BeingAttached(const Situation& s) {
  for (const kube::ObjectKey& key : s.moved.claims) {
    const Claim* claim = s.cluster.FindClaim(key);
    if (claim == nullptr || s.cluster.FindAttachment(claim->volume, s.node) != nullptr) continue;
    bool taken_over = false;
    for (const Pod* pod : s.cluster.PodsUsing(key)) {
      if (pod->node.empty() || pod->node == s.node) continue;
      taken_over = true;
      const Attachment* attachment = s.cluster.FindAttachment(claim->volume, pod->node);
      if (attachment == nullptr || !attachment->done) {
        return "volume " + claim->volume + " has to be attached to " + pod->node + " for " +
               TextOf(*pod) + " first";
      }
    }
    if (!taken_over && s.now < s.moved.at + kScheduledWithin) {
      return "no pod has taken over volume " + claim->volume + " yet";
    }
  }
  return "";
}

// Of a member of a set that was evicted: why its successor is no member yet; "" when it is, or when
// none is wanted or possible.
std::string WhyNotReplaced(const Situation& s, const std::string& uid, const kube::ObjectKey& key) {
  const StatefulSet* set = s.cluster.FindSet({key.name_space, std::string(SetNameOf(key.name))});
  const int64_t ordinal = OrdinalOf(key.name);
  if (set == nullptr || ordinal < set->first_ordinal ||
      ordinal >= set->first_ordinal + set->replicas) {
    return "";
  }
  const Pod* pod = s.cluster.FindPod(key);
  if (pod == nullptr || pod->uid == uid || !pod->owner || pod->owner->uid != set->uid) {
    return "the successor of " + key.ToString() + " is not there yet";
  }
  if (pod->node.empty() && WhereTo(*pod, s.cluster, 1).nodes.empty() &&
      s.rules.immovable == crds::DrainImmovable::kEvictAnyway) {
    return "";
  }
  if (pod->ready && pod->ready_since + set->min_ready <= s.now) return "";
  return "the successor of " + key.ToString() + " is not ready yet";
}

// The same of an owner of an operator's own kind. A single pod is no quorum, and may be of a kind
// that is not made again.
std::string WhyNotReplaced(const Situation& s, const std::string& owner_uid,
                           const std::string& owner) {
  const int64_t wanted = s.cluster.WantedOfOperated(owner_uid, s.now);
  int64_t there = 0;
  for (const Pod* pod : s.cluster.PodsOf(owner_uid)) {
    const bool waits_for_node = s.rules.immovable == crds::DrainImmovable::kEvictAnyway &&
                                pod->node.empty() && WhereTo(*pod, s.cluster, 1).nodes.empty();
    there += (pod->ready && !s.cluster.IsLeaving(*pod)) || waits_for_node ? 1 : 0;
  }
  if (wanted < 2 || there >= wanted) return "";
  return owner + " has " + std::to_string(wanted - there) + " of " + std::to_string(wanted) +
         " away";
}

class Decider {
 public:
  explicit Decider(const Situation& s) : s_(s), plan_(MakePlan(s)), next_(s.now + kLookAgain) {}

  Decision Decide() {
    if (s_.evicted.empty()) {
      std::vector<const Line*> refused = plan_.Refused();
      // What else goes is worth it when the node dies anyway.
      if (DeletesAtLast(s_)) {
        std::erase_if(refused, [](const Line* line) { return line->fate == Fate::kGoes; });
      }
      if (!refused.empty()) return Refuse(refused);
    }
    if (s_.evicted.empty() && !plan_.missing_room.empty()) {
      HeldUp({By::kRoom, "the other nodes lack " + plan_.missing_room +
                             " for the pods of all nodes that are being drained"});
      return Rest();
    }
    if (auto batch = Stateless()) return *std::move(batch);
    if (auto one = OneByOne()) return *std::move(one);
    if (auto removal = Remove()) return *std::move(removal);
    return Rest();
  }

 private:
  // Why not now, as far as it is known; the first one is told.
  void HeldUp(Block block, const Pod* pod = nullptr) {
    if (pod != nullptr) block.text = TextOf(*pod) + ": " + block.text;
    if (std::find(texts_.begin(), texts_.end(), block.text) == texts_.end()) {
      texts_.push_back(block.text);
    }
    if (!block_) block_ = std::move(block);
  }

  void WakeAt(absl::Time when) {
    if (when > s_.now) next_ = std::min(next_, when);
  }

  bool OthersLeft() const {
    return std::any_of(plan_.lines.begin(), plan_.lines.end(),
                       [](const Line& line) { return line.fate != Fate::kStays && !line.last; });
  }

  // What holds the pod back before any limit is asked; false: nothing.
  bool IsHeld(const Line& line) {
    if (line.fate != Fate::kGoes) return true;
    if (line.last && OthersLeft()) return true;
    std::optional<Block> block = line.block;
    const Tried* refused = RefusalOf(s_, *line.pod);
    if (!block) {
      block = PutOff(s_, *line.pod);
      if (block) WakeAt(PutOffUntil(*refused));
    }
    if (!block) return false;
    // Whose deletion was refused is no longer kept by what kept it from being evicted.
    const bool kept = refused != nullptr && refused->removal;
    HeldUp(kept ? BlockOf(refused->answer) : *std::move(block), line.pod);
    return true;
  }

  std::optional<Decision> Stateless() {
    Allowance allowance(s_.cluster, s_.rules.max_unavailable, s_.wants, s_.now);
    Evict evict;
    for (const Line& line : plan_.lines) {
      if (OneAtATime(line.kind) || line.serial || evict.pods.size() == kMaxBatch) continue;
      if (line.pod->uid == s_.own_pod_uid && !evict.pods.empty()) continue;  // after the others
      if (IsHeld(line)) continue;
      if (auto block = allowance.Take(*line.pod)) {
        HeldUp(*std::move(block), line.pod);
        continue;
      }
      evict.pods.push_back(line.pod);
    }
    if (evict.pods.empty()) return std::nullopt;
    return Decision(std::move(evict));
  }

  // Why no other volume may move now: the one before it is on its way. On a node that is not ready
  // nothing is seen to be detached.
  std::optional<Block> VolumeOnItsWay() const {
    if (plan_.best_effort) return std::nullopt;
    if (const std::string volume = BeingDetached(s_); !volume.empty()) {
      return Block{By::kVolume, "volume " + volume + " has to be detached from this node first"};
    }
    const bool leaves = std::any_of(plan_.lines.begin(), plan_.lines.end(), [](const Line& line) {
      return line.serial && line.fate == Fate::kWaits;
    });
    if (leaves) return Block{By::kVolume, "another pod with a volume is leaving"};
    if (std::string text = BeingAttached(s_); !text.empty()) {
      return Block{By::kVolume, std::move(text)};
    }
    return std::nullopt;
  }

  // Why the pod, of those that go one by one, must not go now, beyond IsHeld.
  std::optional<Block> WhyNotNow(const Line& line, const Allowance& allowance,
                                 const std::optional<Block>& on_its_way) const {
    if (line.serial && on_its_way) return on_its_way;
    const auto holder = OneAtATime(line.kind) ? s_.cluster.HolderOf(*line.pod) : std::nullopt;
    if (holder && holder->by != s_.self) {
      return Block{By::kQuorum, "Remediation " + holder->by + " " + holder->doing + " of its " +
                                    line.pod->owner->kind};
    }
    return allowance.Check(*line.pod);
  }

  std::optional<Decision> OneByOne() {
    const Allowance allowance(s_.cluster, s_.rules.max_unavailable, s_.wants, s_.now);
    const std::optional<Block> on_its_way = VolumeOnItsWay();
    for (const Line& line : plan_.lines) {
      if (!OneAtATime(line.kind) && !line.serial) continue;
      if (IsHeld(line)) continue;
      if (auto block = WhyNotNow(line, allowance, on_its_way)) {
        HeldUp(*std::move(block), line.pod);
        continue;
      }
      Evict evict{.pods = {line.pod}};
      if (line.kind == Kind::kStatefulSet) {
        evict.set = s_.cluster.FindSet({line.pod->key.name_space, line.pod->owner->name});
        if (evict.set == nullptr) {
          HeldUp({By::kQuorum, "its StatefulSet is not known"}, line.pod);
          continue;
        }
        for (const Line& other : plan_.lines) {
          const bool same = &other != &line && other.kind == line.kind &&
                            other.pod->owner->uid == line.pod->owner->uid;
          if (!same || other.fate != Fate::kGoes || other.block) continue;
          if (other.last && OthersLeft()) continue;
          if (WhyNotNow(other, allowance, on_its_way)) continue;
          if (PutOff(s_, *other.pod)) {
            evict.put_off.push_back(other.pod);
            evict.later = std::min(evict.later, PutOffUntil(s_.answers.at(other.pod->uid)));
          } else {
            evict.instead.push_back(other.pod);
          }
        }
      }
      return Decision(std::move(evict));
    }
    return std::nullopt;
  }

  // onTimeout: DeletePods, at the last moment at which each pod still has its grace.
  std::optional<Decision> Remove() {
    if (!DeletesAtLast(s_)) return std::nullopt;
    Evict evict{.remove = true};
    for (const Line& line : plan_.lines) {
      if (line.fate != Fate::kGoes || !MayBeDeleted(s_, line)) continue;
      const Tried* refused = RefusalOf(s_, *line.pod);
      // What was said to an eviction says nothing of a deletion, unless nobody is heard now.
      const bool pauses = refused != nullptr && PutOffUntil(*refused) > s_.now &&
                          (refused->removal || refused->answer.said == Answer::Said::kBusy);
      const absl::Time when = RemovedAt(s_, *line.pod);
      WakeAt(when);
      if (s_.now >= when && !pauses && evict.pods.size() < kMaxBatch) {
        evict.pods.push_back(line.pod);
      }
    }
    if (evict.pods.empty()) return std::nullopt;
    return Decision(std::move(evict));
  }

  Decision Rest() {
    size_t going = 0, waiting = 0, completing = 0, left = 0;
    for (const Line& line : plan_.lines) {
      going += line.fate == Fate::kGoes;
      waiting += line.fate == Fate::kWaits;
      completing += line.fate == Fate::kCompletes;
      left += line.left;
      if (line.fate != Fate::kWaits && line.fate != Fate::kCompletes) continue;
      if (line.block) HeldUp(*line.block, line.pod);
      if (line.pod->deleted) WakeAt(*line.pod->deleted + kAfterDeadline);
    }
    std::string unreplaced;
    for (const auto& [uid, key] : s_.evicted) {
      if (plan_.best_effort || !unreplaced.empty()) break;
      unreplaced = WhyNotReplaced(s_, uid, key);
    }
    for (const auto& [uid, owner] : s_.operated) {
      if (plan_.best_effort || !unreplaced.empty()) break;
      unreplaced = WhyNotReplaced(s_, uid, owner);
    }
    const size_t total = s_.evicted.size() + going + completing;
    const std::string so_far =
        std::to_string(s_.evicted.size() - std::min(waiting, s_.evicted.size())) + " of " +
        std::to_string(total) + " pods are gone";
    if (going + waiting + completing == 0 && unreplaced.empty()) {
      if (s_.now < s_.started + kSettle) {
        return Pause{s_.started + kSettle, "looking whether a pod comes in late", std::nullopt};
      }
      return Drained{Summary(left), !plan_.best_effort && left == 0};
    }
    if (!unreplaced.empty()) HeldUp({By::kQuorum, unreplaced});
    const absl::Time deadline = s_.started + s_.rules.timeout;
    const absl::Time end = DeletesAtLast(s_) ? deadline + kAfterDeadline : deadline;
    if (s_.now >= end) {
      return GiveUp{"DrainTimeout",
                    "after " + crds::FormatDuration(s_.rules.timeout) + " " + so_far + Obstacles()};
    }
    WakeAt(end);
    return Pause{next_, so_far + Obstacles(), block_};
  }

  std::string Summary(size_t left) const {
    std::string text = std::to_string(s_.evicted.size()) + " pods were evicted";
    if (plan_.best_effort) {
      text += "; the node is not ready, so nobody saw that they have ended";
    }
    if (left > 0) {
      text += "; " + std::to_string(left) + " stay:";
      for (const Line& line : plan_.lines) {
        if (line.left) text += " " + line.pod->key.ToString();
      }
    }
    return text;
  }

  std::string Obstacles() const {
    std::string text;
    for (size_t i = 0; i < texts_.size() && i < kNamed; ++i) text += "; " + texts_[i];
    if (texts_.size() > kNamed) {
      text += "; and " + std::to_string(texts_.size() - kNamed) + " more";
    }
    return text;
  }

  Decision Refuse(const std::vector<const Line*>& refused) {
    for (const Line* line : refused) HeldUp(*line->block, line->pod);
    return GiveUp{"DrainRefused",
                  "nothing was evicted, because not everything can be" + Obstacles()};
  }

  const Situation& s_;
  const Plan plan_;
  absl::Time next_;
  std::vector<std::string> texts_;
  std::optional<Block> block_;
};

}  // namespace

Decision Decide(const Situation& s, bool begun) {
  const Node* node = s.cluster.FindNode(s.node);
  if (node == nullptr) return GiveUp{"NodeGone", "Node " + s.node + " is gone"};
  if (node->uid != s.node_uid) {
    return GiveUp{.reason = "NodeReplaced",
                  .text = "Node " + s.node + " was deleted and made again: it is another one now",
                  .by_person = true};
  }
  if (!node->unschedulable && (begun || !s.evicted.empty())) {
    return GiveUp{.reason = "Uncordoned",
                  .text = "somebody uncordoned Node " + s.node + " during the drain",
                  .by_person = true};
  }
  if (!node->unschedulable) {
    return GiveUp{
        "NotCordoned",
        "Node " + s.node + " is not cordoned: its pods would come back; put a cordon step before"};
  }
  return Decider(s).Decide();
}

}  // namespace kr::drain
