#include "reconcilers/actions/drain.h"

#include <algorithm>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"
#include "crds/meta/duration.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/drain_result.h"
#include "reconcilers/actions/holders.h"
#include "reconcilers/actions/node_object.h"
#include "reconcilers/drain/decide.h"
#include "reconcilers/drain/parse.h"
#include "reconcilers/drain/request.h"

namespace kr::actions {
namespace {

using nlohmann::json;

// In the memo, from the beginning of the step to its end: that it has begun, and the UIDs of
// DaemonSets that are gone.
constexpr char kBegun[] = "begun";
constexpr char kOrphaned[] = "orphaned";
// The volumes that are on their way: {"at": seconds, "namespace": "shop", "claims": [...]}.
constexpr char kMoved[] = "moved";
// Owners of operators' own kinds whose pods were evicted: UID to text.
constexpr char kOperated[] = "operated";
// A live list is believed for so long.
constexpr absl::Duration kFresh = absl::Seconds(2);
// Until a set that is not whole is looked at again, if nothing tells sooner.
constexpr absl::Duration kLookAgain = absl::Seconds(5);
// So long after an eviction it is getting on, whatever it waits for at the moment.
constexpr absl::Duration kPassing = absl::Seconds(10);
constexpr char kOnNode[] = "pods of the node";
constexpr char kDaemonSets[] = "DaemonSets";
// What an owner said about how many pods it wants is believed for so long...
constexpr absl::Duration kWants = absl::Seconds(30);
// ...and which DaemonSets there are, until the step has begun.
constexpr absl::Duration kListed = absl::Minutes(1);

std::string OwnerLook(const drain::Owner& owner) {
  return "owner " + owner.uid;
}

// Of owners that say how many pods they want, and are asked.
std::optional<kube::Resource> ResourceOf(const drain::Owner& owner) {
  if (owner.group == "apps" && owner.kind == "ReplicaSet") {
    return kube::Resource{{"apps", "v1", "ReplicaSet"}, "replicasets", true};
  }
  if (owner.group.empty() && owner.kind == "ReplicationController") {
    return kube::Resource{{"", "v1", "ReplicationController"}, "replicationcontrollers", true};
  }
  return std::nullopt;
}

// As `owner` was found: nothing is wanted by one that is gone, or going.
int64_t ReplicasOf(const json& owner, std::string_view uid) {
  if (FindText(owner, {"metadata", "uid"}) != uid) return 0;
  if (!FindText(owner, {"metadata", "deletionTimestamp"}).empty()) return 0;
  return crds::FindNumber(owner, {"spec", "replicas"}, 1);
}

// One pod as `it`.
class ItOnly final : public cel::Activation {
 public:
  explicit ItOnly(const json& it) : it_(it) {}
  StatusOr<cel::Value> Resolve(std::string_view variable) const override {
    if (variable == "it") return cel::Value::FromJson(it_);
    return InvalidArgument("unknown variable");
  }

 private:
  const json& it_;
};

bool IsTrue(const cel::Program& program, const json& pod, absl::Time now) {
  const auto value = program.Evaluate(ItOnly(pod), now).value;
  return value.ok() && value->AsBool() != nullptr && *value->AsBool();
}

class DrainAction final : public Action {
 public:
  DrainAction(const crds::Drain& params, std::optional<cel::Program> leader_when,
              std::optional<cel::Program> ready_when)
      : params_(params), leader_when_(std::move(leader_when)), ready_when_(std::move(ready_when)) {}

  std::string_view kind() const override { return "drain"; }
  Disruption disruption() const override { return Disruption::kNode; }
  Reversal reversal() const override { return Reversal::kIrreversible; }
  bool NeedsCluster() const override { return true; }
  bool TakesBackOnFailure() const override {
    return params_.on_timeout == crds::DrainOnTimeout::kAbort;
  }

  std::vector<RbacRule> RequiredRules(const kube::Resource&) const override {
    std::vector<RbacRule> rules{{"", "nodes", "get"},
                                {"", "pods/eviction", "create"},
                                {"", "replicationcontrollers", "get"},
                                {"apps", "daemonsets", "list"},
                                {"apps", "replicasets", "get"}};
    const std::pair<const char*, const char*> watched[] = {{"", "pods"},
                                                           {"", "nodes"},
                                                           {"", "persistentvolumeclaims"},
                                                           {"", "persistentvolumes"},
                                                           {"apps", "statefulsets"},
                                                           {"policy", "poddisruptionbudgets"},
                                                           {"storage.k8s.io", "csinodes"},
                                                           {"storage.k8s.io", "volumeattachments"}};
    for (const auto& [group, resource] : watched) {
      for (const char* verb : {"list", "watch"}) rules.push_back({group, resource, verb});
    }
    if (params_.on_timeout == crds::DrainOnTimeout::kDeletePods) {
      rules.push_back({"", "pods", "delete"});
    }
    return rules;
  }

  std::string Describe() const override {
    std::string text = "evict the pods of the node";
    if (params_.stateful_sets != crds::DrainStatefulSets::kEvict) {
      text += ", statefulSets: " + std::string(crds::ToString(params_.stateful_sets));
    }
    text += ", within " + crds::FormatDuration(params_.timeout);
    if (params_.on_timeout != crds::DrainOnTimeout::kKeepCordoned) {
      text += ", then " + std::string(crds::ToString(params_.on_timeout));
    }
    return text;
  }

  Next Ask(const json& memo, const Observed& observed) const override {
    if (auto other = NotANode(observed, kind())) return *std::move(other);
    if (!observed.cluster_missing.empty()) {
      return Wait{.until = observed.now + absl::Seconds(10),
                  .progress = "reading what is around the node: " + observed.cluster_missing,
                  .memo = memo};
    }
    if (const auto* intent = OpenIntent(observed)) return SettleIntent(*intent, observed);
    json kept = memo.is_object() ? memo : json::object();
    const bool begun = kept.value(kBegun, false);
    if (!begun) {
      if (auto instead = AwaitCordon(observed)) return *std::move(instead);
      if (auto look = FindOrphaned(observed, kept)) return *std::move(look);
    }
    kept[kBegun] = true;
    const drain::Situation situation = SituationOf(observed, kept);
    drain::Decision decision = drain::Decide(situation, begun);
    const absl::Time busy_until = LastEviction(observed) + kPassing;
    if (auto* evict = std::get_if<drain::Evict>(&decision)) {
      if (evict->set != nullptr) return SendOneOf(*evict->set, *evict, situation, observed, kept);
      if (auto look = AskOwners(*evict, situation)) return *std::move(look);
      return Send(*evict, situation, observed, kept);
    }
    if (auto* pause = std::get_if<drain::Pause>(&decision)) {
      const bool passing = observed.now < busy_until;
      return Wait{.until = passing ? std::min(pause->until, busy_until) : pause->until,
                  .progress = std::move(pause->text),
                  .memo = std::move(kept),
                  .blocked_by = pause->block ? std::string(drain::ToString(pause->block->by)) : "",
                  .passing = passing};
    }
    if (auto* done = std::get_if<drain::Drained>(&decision)) {
      kept[kDrainResult] = done->complete ? kDrainComplete : kDrainPartial;
      return Done{.message = (done->complete ? "drained: " : "partly drained: ") + done->text,
                  .memo = std::move(kept)};
    }
    auto& gave_up = std::get<drain::GiveUp>(decision);
    if (gave_up.by_person) return Abort{std::move(gave_up.reason), std::move(gave_up.text)};
    return Failed{std::move(gave_up.reason), std::move(gave_up.text)};
  }

  std::optional<Look> BeforeForesee(const Observed& observed) const override {
    if (DaemonSetsOn(observed).empty() || observed.looked.contains(kDaemonSets)) {
      return std::nullopt;
    }
    return ListDaemonSets();
  }

  std::vector<Foreseen> Foresee(const Observed& observed) const override {
    std::vector<Foreseen> lines;
    json kept = MemoOf(observed);
    if (const auto list = observed.looked.find(kDaemonSets); list != observed.looked.end()) {
      KeepOrphaned(observed, list->second.object, kept);
    }
    const drain::Plan plan = drain::MakePlan(SituationOf(observed, kept));
    for (const drain::Line& line : plan.lines) {
      lines.push_back(
          {.object = Reference(*line.pod), .text = line.Text(), .message = line.Message()});
    }
    if (!plan.missing_room.empty()) {
      lines.push_back({.object = {"v1", "Node", "", observed.ref.key.name, observed.ref.uid},
                       .text = "move its pods",
                       .message = "blocked: the other nodes lack " + plan.missing_room});
    }
    return lines;
  }

 private:
  static crds::ObjectReference Reference(const drain::Pod& pod) {
    return {"v1", "Pod", pod.key.name_space, pod.key.name, pod.uid};
  }

  static const crds::Intent* OpenIntent(const Observed& observed) {
    const auto& intent = observed.remediation->status.intent;
    return intent && intent->step == observed.step ? &*intent : nullptr;
  }

  drain::Situation SituationOf(const Observed& observed, const json& memo) const {
    drain::Situation situation{.rules = params_,
                               .cluster = *observed.cluster,
                               .node = observed.ref.key.name,
                               .node_uid = observed.ref.uid,
                               .self = observed.remediation->metadata.name,
                               .own_pod_uid = observed.own_pod_uid,
                               .approved = observed.approved,
                               .control_plane = observed.means_control_plane,
                               .started = observed.step_started,
                               .now = observed.now};
    for (const crds::StepProgress& step : observed.remediation->status.steps) {
      if (step.id != observed.step) continue;
      for (const crds::WriteRecord& write : step.writes) {
        situation.evicted[write.object.uid] = {write.object.name_space, write.object.name};
      }
    }
    if (observed.tried != nullptr) situation.answers = *observed.tried;
    for (const drain::Pod* pod : observed.cluster->PodsOn(situation.node)) {
      if (!pod->owner) continue;
      const json* owner = FreshLook(observed, OwnerLook(*pod->owner), kWants);
      if (owner != nullptr) situation.wants[pod->owner->uid] = ReplicasOf(*owner, pod->owner->uid);
    }
    for (const json& uid : memo.value(kOrphaned, json::array())) situation.orphaned.insert(uid);
    const json operated = memo.value(kOperated, json::object());
    for (const auto& [uid, owner] : operated.items()) situation.operated[uid] = owner;
    if (const json* moved = crds::Find(memo, {kMoved})) {
      situation.moved.at = absl::FromUnixSeconds(crds::FindNumber(*moved, {"at"}));
      for (const json& claim : moved->value("claims", json::array())) {
        situation.moved.claims.push_back({FindText(*moved, {"namespace"}), claim});
      }
    }
    return situation;
  }

  // For the memo: the pod's claims whose volumes have to follow it; null: there are none.
  static json MovedBy(const drain::Pod& pod, const drain::Situation& situation) {
    json claims = json::array();
    for (const std::string& name : pod.claims) {
      const drain::Claim* claim = situation.cluster.FindClaim({pod.key.name_space, name});
      if (claim == nullptr || claim->shared) continue;
      if (situation.cluster.FindAttachment(claim->volume, pod.node) != nullptr) {
        claims.push_back(name);
      }
    }
    if (claims.empty()) return nullptr;
    return {{"at", absl::ToUnixSeconds(situation.now)},
            {"namespace", pod.key.name_space},
            {"claims", claims}};
  }

  // As it was stored last.
  static json MemoOf(const Observed& observed) {
    for (const crds::StepProgress& step : observed.remediation->status.steps) {
      if (step.id == observed.step && !step.memo.empty()) return step.memo.Parse();
    }
    return json::object();
  }

  // UIDs of those that have pods on the node.
  static std::set<std::string> DaemonSetsOn(const Observed& observed) {
    std::set<std::string> owners;
    for (const drain::Pod* pod : observed.cluster->PodsOn(observed.ref.key.name)) {
      if (drain::Classify(*pod) == drain::Kind::kDaemonSet) owners.insert(pod->owner->uid);
    }
    return owners;
  }

  static Look ListDaemonSets() {
    return {kube::ListObjects({{"apps", "v1", "DaemonSet"}, "daemonsets", true},
                              {.metadata_only = true}),
            kDaemonSets};
  }

  // Which of them are not there: what is left of those nobody brings back.
  static void KeepOrphaned(const Observed& observed, const json& list, json& kept) {
    std::set<std::string> owners = DaemonSetsOn(observed);
    for (const json& item : list.value("items", json::array())) {
      owners.erase(FindText(item, {"metadata", "uid"}));
    }
    if (!owners.empty()) kept[kOrphaned] = owners;
  }

  // Asked once, and kept in the memo.
  static std::optional<Next> FindOrphaned(const Observed& observed, json& kept) {
    if (DaemonSetsOn(observed).empty()) return std::nullopt;
    const json* list = FreshLook(observed, kDaemonSets, kListed);
    if (list == nullptr) return ListDaemonSets();
    KeepOrphaned(observed, *list, kept);
    return std::nullopt;
  }

  // Of what was evicted long ago and is not replaced, the owner knows whether it is wanted back: it
  // may be kept from making pods, by a quota or a webhook.
  static std::optional<Next> AskOwners(const drain::Evict& evict,
                                       const drain::Situation& situation) {
    for (const drain::Pod* pod : evict.pods) {
      if (evict.remove || !situation.cluster.IsInDoubt(*pod, situation.now)) continue;
      if (situation.wants.contains(pod->owner->uid)) continue;
      if (!situation.cluster.BudgetsOf(*pod).empty()) continue;
      const auto resource = ResourceOf(*pod->owner);
      if (!resource) continue;
      return Look{kube::GetObject(*resource, {pod->key.name_space, pod->owner->name}),
                  OwnerLook(*pod->owner)};
    }
    return std::nullopt;
  }

  static absl::Time LastEviction(const Observed& observed) {
    absl::Time last = absl::InfinitePast();
    for (const crds::StepProgress& step : observed.remediation->status.steps) {
      if (step.id == observed.step && !step.writes.empty()) last = step.writes.back().intent_at;
    }
    return last;
  }

  // Before the first look at the pods: that the node is cordoned, and that this is seen.
  static std::optional<Next> AwaitCordon(const Observed& observed) {
    if (!observed.live) return Read{};
    if (auto next = NeedLive(observed)) return next;
    if (!IsCordoned(*observed.live)) {
      return Failed{"NotCordoned", ObjectText(observed.ref) +
                                       " is not cordoned, so that its pods would come back; put a "
                                       "cordon step before"};
    }
    const drain::Node* node = observed.cluster->FindNode(observed.ref.key.name);
    if (node != nullptr && node->uid == observed.ref.uid && node->unschedulable) {
      return std::nullopt;
    }
    return Wait{.until = observed.now + absl::Seconds(1),
                .progress = "waiting until the cordon is seen",
                .memo = nullptr};
  }

  // What an eviction whose answer got lost has done shows in the pods of the node.
  static Next SettleIntent(const crds::Intent& intent, const Observed& observed) {
    const auto list = observed.looked.find(kOnNode);
    if (list == observed.looked.end()) {
      return Look{drain::ListPodsOn(observed.ref.key.name), kOnNode};
    }
    std::set<std::string> untouched;
    for (const json& item : list->second.object.value("items", json::array())) {
      const drain::Pod pod = drain::ParsePod(item);
      if (!pod.deleted) untouched.insert(pod.uid);
    }
    Settled settled;
    for (const crds::ObjectReference& object : ObjectsOf(intent)) {
      if (!untouched.contains(object.uid)) settled.executed.push_back(object.uid);
    }
    return settled;
  }

  // A member of a set goes only while a live list shows the set whole.
  Next SendOneOf(const drain::StatefulSet& set, drain::Evict evict,
                 const drain::Situation& situation, const Observed& observed,
                 const json& kept) const {
    const std::string tag = "StatefulSet " + set.key.ToString();
    const json* list = FreshLook(observed, tag, kFresh);
    if (list == nullptr) {
      return Look{drain::ListPods(set.key.name_space, set.selector.ToString()), tag};
    }
    std::vector<drain::Pod> members;
    std::set<std::string> leaders;
    std::string not_ready;
    for (const json& item : list->value("items", json::array())) {
      drain::Pod pod = drain::ParsePod(item);
      if (!pod.owner || pod.owner->uid != set.uid) continue;
      if (leader_when_ && IsTrue(*leader_when_, item, observed.now)) leaders.insert(pod.uid);
      const bool stays = pod.node != situation.node;
      if (stays && ready_when_ && !IsTrue(*ready_when_, item, observed.now)) {
        not_ready = pod.key.ToString();
      }
      members.push_back(std::move(pod));
    }
    // Another one instead of a leader, while there is one that may go, or soon.
    const auto follows = [&](const drain::Pod* pod) { return !leaders.contains(pod->uid); };
    if (!follows(evict.pods.front())) {
      const auto other = std::ranges::find_if(evict.instead, follows);
      if (other != evict.instead.end()) {
        evict.pods = {*other};
      } else if (const auto later = std::ranges::find_if(evict.put_off, follows);
                 later != evict.put_off.end()) {
        return Wait{.until = std::min(observed.now + kLookAgain, evict.later),
                    .progress = drain::TextOf(*evict.pods.front()) + ": it leads, and " +
                                drain::TextOf(**later) +
                                " goes first: " + situation.answers.at((*later)->uid).answer.text,
                    .memo = kept,
                    .blocked_by = "Server"};
      }
    }
    std::string why = drain::WhyNotWhole(set, members, evict.pods.front(), observed.now);
    if (why.empty() && !not_ready.empty()) why = "readyWhen does not hold for its pod " + not_ready;
    if (why.empty()) return Send(evict, situation, observed, kept);
    const auto whole = drain::WholeAt(set, members, observed.now);
    return Wait{
        .until = std::min(observed.now + kLookAgain, whole.value_or(absl::InfiniteFuture())),
        .progress = drain::TextOf(*evict.pods.front()) + ": " + why,
        .memo = kept,
        .blocked_by = "Quorum"};
  }

  // Whether how many of its owner's pods may be away rests on how many there were.
  static bool IsCounted(const drain::Pod& pod, const drain::Cluster& cluster) {
    const drain::Kind kind = drain::Classify(pod);
    if (!pod.owner || kind == drain::Kind::kStatefulSet) return false;
    return kind == drain::Kind::kOperated || cluster.BudgetsOf(pod).empty();
  }

  Next Send(const drain::Evict& evict, const drain::Situation& situation, const Observed& observed,
            const json& kept) const {
    Batch batch{.verb = evict.remove ? "Delete" : "Evict", .memo = kept};
    for (const drain::Pod* pod : evict.pods) {
      if (IsCounted(*pod, situation.cluster)) {
        const auto said = situation.wants.find(pod->owner->uid);
        batch.memo[kDrainHad][pod->owner->uid] = said == situation.wants.end()
                                                     ? situation.cluster.Wanted(*pod, situation.now)
                                                     : said->second;
      }
      if (drain::Classify(*pod) == drain::Kind::kOperated) {
        batch.memo[kOperated][pod->owner->uid] =
            pod->owner->kind + " " + pod->key.name_space + "/" + pod->owner->name;
      }
      if (json moved = MovedBy(*pod, situation); !moved.is_null()) {
        batch.memo[kMoved] = std::move(moved);
      }
      std::optional<int64_t> grace;
      const int64_t own = pod->spec->grace_seconds;
      const auto lower = [&](int64_t seconds) {
        if (seconds < grace.value_or(own)) grace = std::max<int64_t>(seconds, 1);
      };
      if (params_.grace_period_seconds) lower(*params_.grace_period_seconds);
      if (evict.remove) {
        const absl::Time deadline = situation.started + params_.timeout;
        lower(absl::ToInt64Seconds(std::max(deadline - situation.now, absl::Seconds(1))));
      }
      batch.writes.push_back(
          {evict.remove ? drain::DeleteRequest(pod->key, pod->uid, grace, observed.server_timeout)
                        : drain::EvictRequest(pod->key, pod->uid, grace, observed.server_timeout),
           Reference(*pod)});
    }
    const std::string verb = evict.remove ? "delete " : "evict ";
    batch.summary =
        verb + (batch.writes.size() == 1 ? batch.writes.front().object.ToString()
                                         : std::to_string(batch.writes.size()) + " pods");
    return batch;
  }

  const crds::Drain params_;
  const std::optional<cel::Program> leader_when_, ready_when_;
};

StatusOr<std::optional<cel::Program>> CompileIt(const std::string& expression,
                                                const std::string& path) {
  if (expression.empty()) return std::nullopt;
  auto program = cel::Program::Compile(expression, {{"it", cel::Type::Dyn()}}, cel::Type::Bool());
  if (!program.ok()) return Annotate(program.status(), path);
  return *std::move(program);
}

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeDrain(const crds::Drain& params, const cel::Scope&,
                                            std::string_view path) {
  const std::string at(path);
  KR_ASSIGN_OR_RETURN(auto leader, CompileIt(params.leader_when, at + ".leaderWhen"));
  KR_ASSIGN_OR_RETURN(auto ready, CompileIt(params.ready_when, at + ".readyWhen"));
  return std::make_unique<DrainAction>(params, std::move(leader), std::move(ready));
}

}  // namespace kr::actions
