#include "reconcilers/drain/cluster.h"

#include <algorithm>
#include <utility>

#include "reconcilers/drain/classify.h"

namespace kr::drain {
namespace {

// So long it is believed that an owner still wants as many pods as before an eviction of ours.
constexpr absl::Duration kReplacedWithin = absl::Minutes(5);

void Add(Amounts& sum, const Amounts& amounts, double sign) {
  for (const auto& [name, amount] : amounts) sum[name] += sign * amount;
  sum["pods"] += sign;
}

bool Occupies(const Pod& pod) {
  return !pod.node.empty() && !pod.Finished();
}

}  // namespace

void Cluster::Put(Node node) {
  nodes_.insert_or_assign(node.name, std::move(node));
}

void Cluster::Put(Pod pod) {
  const auto old = pods_.find(pod.key);
  if (old != pods_.end()) {
    if (old->second.uid != pod.uid) {
      RemovePod(pod.key);
    } else {
      Unlist(old->second);
    }
  }
  const auto siblings = pod.owner ? of_owner_.find(pod.owner->uid) : of_owner_.end();
  if (siblings != of_owner_.end()) {
    const auto same =
        std::find_if(siblings->second.begin(), siblings->second.end(),
                     [&](const auto& sibling) { return *sibling.second->spec == *pod.spec; });
    if (same != siblings->second.end()) pod.spec = same->second->spec;
  }
  const kube::ObjectKey key = pod.key;
  const Pod& kept = pods_.insert_or_assign(key, std::move(pod)).first->second;
  if (!kept.node.empty()) on_node_[kept.node][key] = &kept;
  if (kept.owner) of_owner_[kept.owner->uid][key] = &kept;
  if (Occupies(kept)) Add(requested_[kept.node], kept.spec->requests, 1);
  const auto before = kept.owner ? before_.find(kept.owner->uid) : before_.end();
  if (before != before_.end() && Staying(before->first) >= before->second.pods) {
    before->second.pods = 0;
  }
}

void Cluster::RemovePod(const kube::ObjectKey& key) {
  const auto found = pods_.find(key);
  if (found == pods_.end()) return;
  evicted_.erase(found->second.uid);
  Unlist(found->second);
  pods_.erase(found);
}

void Cluster::Unlist(const Pod& pod) {
  const auto drop = [&pod](auto& index, const std::string& name) {
    const auto entry = index.find(name);
    if (entry == index.end()) return;
    entry->second.erase(pod.key);
    if (entry->second.empty()) index.erase(entry);
  };
  if (Occupies(pod)) Add(requested_[pod.node], pod.spec->requests, -1);
  drop(on_node_, pod.node);
  if (pod.owner) drop(of_owner_, pod.owner->uid);
}

void Cluster::Put(StatefulSet set) {
  sets_.insert_or_assign(set.key, std::move(set));
}

void Cluster::Put(Budget budget) {
  budgets_.insert_or_assign(budget.key, std::move(budget));
}

void Cluster::Put(Claim claim) {
  claims_.insert_or_assign(claim.key, std::move(claim));
}

void Cluster::Put(Volume volume) {
  volumes_.insert_or_assign(volume.name, std::move(volume));
}

void Cluster::Put(Attachment attachment) {
  std::pair at(attachment.node, attachment.volume);
  attached_.insert_or_assign(std::move(at), std::move(attachment));
}

void Cluster::LimitVolumes(const std::string& node, VolumeLimits limits) {
  volume_limits_[node] = std::move(limits);
}

void Cluster::RemoveNode(std::string_view name) {
  if (const auto found = nodes_.find(name); found != nodes_.end()) nodes_.erase(found);
}

void Cluster::RemoveSet(const kube::ObjectKey& key) {
  sets_.erase(key);
}

void Cluster::RemoveBudget(const kube::ObjectKey& key) {
  budgets_.erase(key);
}

void Cluster::RemoveClaim(const kube::ObjectKey& key) {
  claims_.erase(key);
}

void Cluster::RemoveVolume(std::string_view name) {
  if (const auto found = volumes_.find(name); found != volumes_.end()) volumes_.erase(found);
}

void Cluster::Detach(const std::string& volume, const std::string& node) {
  attached_.erase({node, volume});
}

void Cluster::RemoveVolumeLimits(std::string_view node) {
  if (const auto found = volume_limits_.find(node); found != volume_limits_.end()) {
    volume_limits_.erase(found);
  }
}

void Cluster::Clear() {
  nodes_.clear();
  on_node_.clear();
  of_owner_.clear();
  requested_.clear();
  pods_.clear();
  sets_.clear();
  budgets_.clear();
  claims_.clear();
  volumes_.clear();
  attached_.clear();
  volume_limits_.clear();
  evicted_.clear();
}

const Node* Cluster::FindNode(std::string_view name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second;
}

const Pod* Cluster::FindPod(const kube::ObjectKey& key) const {
  const auto found = pods_.find(key);
  return found == pods_.end() ? nullptr : &found->second;
}

namespace {

template <typename Index>
std::vector<const Pod*> Listed(const Index& index, std::string_view name) {
  std::vector<const Pod*> pods;
  const auto found = index.find(name);
  if (found == index.end()) return pods;
  for (const auto& [key, pod] : found->second) pods.push_back(pod);
  return pods;
}

template <typename Map>
auto Lookup(const Map& map, const typename Map::key_type& key) -> const typename Map::mapped_type* {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

std::vector<const Pod*> Cluster::PodsOn(std::string_view node) const {
  return Listed(on_node_, node);
}

std::vector<const Pod*> Cluster::PodsOf(std::string_view owner_uid) const {
  return Listed(of_owner_, owner_uid);
}

const Amounts& Cluster::Requested(std::string_view node) const {
  static const Amounts kNothing;
  const auto found = requested_.find(node);
  return found == requested_.end() ? kNothing : found->second;
}

const StatefulSet* Cluster::FindSet(const kube::ObjectKey& key) const {
  return Lookup(sets_, key);
}

std::vector<const Budget*> Cluster::BudgetsOf(const Pod& pod) const {
  std::vector<const Budget*> matching;
  for (auto it = budgets_.lower_bound({pod.key.name_space, ""});
       it != budgets_.end() && it->first.name_space == pod.key.name_space; ++it) {
    const Budget& budget = it->second;
    if (budget.selector && budget.selector->Matches(pod.labels)) matching.push_back(&budget);
  }
  return matching;
}

const Claim* Cluster::FindClaim(const kube::ObjectKey& key) const {
  return Lookup(claims_, key);
}

const Volume* Cluster::FindVolume(std::string_view name) const {
  const auto found = volumes_.find(name);
  return found == volumes_.end() ? nullptr : &found->second;
}

std::vector<const Attachment*> Cluster::AttachedTo(const std::string& node) const {
  std::vector<const Attachment*> attachments;
  for (auto it = attached_.lower_bound({node, ""});
       it != attached_.end() && it->first.first == node; ++it) {
    attachments.push_back(&it->second);
  }
  return attachments;
}

const Attachment* Cluster::FindAttachment(const std::string& volume,
                                          const std::string& node) const {
  return Lookup(attached_, {node, volume});
}

std::optional<int64_t> Cluster::FreeVolumes(const std::string& node,
                                            std::string_view driver) const {
  const auto limits = volume_limits_.find(node);
  if (limits == volume_limits_.end()) return std::nullopt;
  const auto most = limits->second.find(driver);
  if (most == limits->second.end()) return std::nullopt;
  const auto attached = AttachedTo(node);
  return most->second - std::ranges::count(attached, driver, &Attachment::driver);
}

std::vector<const Pod*> Cluster::PodsUsing(const kube::ObjectKey& claim) const {
  std::vector<const Pod*> users;
  for (auto it = pods_.lower_bound({claim.name_space, ""});
       it != pods_.end() && it->first.name_space == claim.name_space; ++it) {
    const Pod& pod = it->second;
    if (!pod.Finished() && std::ranges::find(pod.claims, claim.name) != pod.claims.end()) {
      users.push_back(&pod);
    }
  }
  return users;
}

void Cluster::Open(const std::string& node, const std::string& by, absl::Time now) {
  if (open_.empty()) {
    std::erase_if(before_, [&](const auto& before) {
      return std::max(before.second.at, closed_) + kMissedFor < now;
    });
  }
  open_[by] = node;
}

void Cluster::Close(const std::string& by, absl::Time now) {
  if (open_.erase(by) > 0) closed_ = now;
  std::erase_if(sending_, [&](const auto& entry) { return entry.second.by == by; });
}

void Cluster::Reserve(const kube::ObjectKey& key, const std::string& uid, const std::string& by,
                      absl::Time now) {
  const Pod* pod = FindPod(key);
  const bool seen = pod != nullptr && pod->uid == uid && pod->owner;
  const std::string owner = seen ? pod->owner->uid : "";
  if (seen) before_[owner] = {Wanted(*pod, now), now};
  sending_[uid] = {.pod = key, .owner_uid = owner, .by = by};
}

void Cluster::Release(std::string_view uid) {
  if (const auto found = sending_.find(uid); found != sending_.end()) sending_.erase(found);
}

void Cluster::Settle(const kube::ObjectKey& key, std::string_view uid, absl::Time now) {
  const auto sent = sending_.find(uid);
  if (sent != sending_.end()) {
    const auto before = before_.find(sent->second.owner_uid);
    if (before != before_.end()) before->second.at = now;
    sending_.erase(sent);
  }
  // When the watch was faster, it is gone already.
  const Pod* pod = FindPod(key);
  if (pod != nullptr && pod->uid == uid) evicted_.emplace(uid);
}

void Cluster::SetRestarts(const std::string& by, HostRestarts restarts) {
  if (restarts.empty()) {
    restarts_.erase(by);
  } else {
    restarts_[by] = std::move(restarts);
  }
}

std::string Cluster::RestarterOf(const Pod& pod) const {
  for (const auto& [by, hosts] : restarts_) {
    const auto host = hosts.find(pod.node);
    if (host == hosts.end()) continue;
    // A restart ends every container: who became ready after it has been through it.
    if (!pod.ready || pod.ready_since <= host->second) return by;
  }
  return "";
}

std::vector<const Pod*> Cluster::GoingDown() const {
  std::vector<const Pod*> pods;
  for (const auto& [by, hosts] : restarts_) {
    for (const auto& [node, since] : hosts) {
      for (const Pod* pod : PodsOn(node)) {
        if (!RestarterOf(*pod).empty()) pods.push_back(pod);
      }
    }
  }
  return pods;
}

std::optional<Cluster::Holder> Cluster::HolderOf(const Pod& pod) const {
  if (!pod.owner) return std::nullopt;
  for (const auto& [uid, eviction] : sending_) {
    const bool same = eviction.owner_uid.empty()
                          ? eviction.pod.name_space == pod.key.name_space &&
                                SetNameOf(eviction.pod.name) == pod.owner->name
                          : eviction.owner_uid == pod.owner->uid;
    if (same) return Holder{eviction.by, "evicts another pod"};
  }
  for (const Pod* other : PodsOf(pod.owner->uid)) {
    if (other->node == pod.node) continue;  // where this one is, it goes down with it
    if (std::string by = RestarterOf(*other); !by.empty()) {
      return Holder{std::move(by), "restarts the host of another pod"};
    }
  }
  return std::nullopt;
}

absl::Time Cluster::LastEviction(std::string_view owner_uid) const {
  const auto found = before_.find(owner_uid);
  return found == before_.end() ? absl::InfinitePast() : found->second.at;
}

bool Cluster::IsLeaving(const Pod& pod) const {
  return pod.deleted || sending_.contains(pod.uid) || evicted_.contains(pod.uid);
}

int64_t Cluster::Staying(std::string_view owner_uid) const {
  const std::vector<const Pod*> pods = PodsOf(owner_uid);
  return std::count_if(pods.begin(), pods.end(),
                       [this](const Pod* pod) { return !IsLeaving(*pod) && !pod->Finished(); });
}

int64_t Cluster::Wanted(const Pod& member, absl::Time now) const {
  if (!member.owner) return 0;
  if (Classify(member) == Kind::kOperated) return WantedOfOperated(member.owner->uid, now);
  const int64_t there = Staying(member.owner->uid);
  const auto before = before_.find(member.owner->uid);
  const bool missed = before != before_.end() && before->second.at + kReplacedWithin >= now;
  return missed ? std::max(there, before->second.pods) : there;
}

int64_t Cluster::WantedOfOperated(std::string_view owner_uid, absl::Time now) const {
  const int64_t there = Staying(owner_uid);
  const auto before = before_.find(owner_uid);
  if (before == before_.end()) return there;
  const bool missed = !open_.empty() || std::max(before->second.at, closed_) + kMissedFor >= now;
  return missed ? std::max(there, before->second.pods) : there;
}

bool Cluster::IsInDoubt(const Pod& member, absl::Time now) const {
  const auto before = member.owner ? before_.find(member.owner->uid) : before_.end();
  return before != before_.end() && before->second.pods > Wanted(member, now);
}

void Cluster::Recall(const std::string& owner_uid, int64_t pods, absl::Time at) {
  const auto [before, fresh] = before_.try_emplace(owner_uid, Before{pods, at});
  if (fresh) return;
  before->second.pods = std::max(before->second.pods, pods);
  before->second.at = std::max(before->second.at, at);
}

}  // namespace kr::drain
