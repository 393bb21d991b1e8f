#include "reconcilers/remediation/registry.h"

#include <algorithm>

#include "controller/cache/resource_version.h"
#include "crds/v1alpha1/common.h"
#include "reconcilers/limits/memory.h"
#include "reconcilers/limits/reasons.h"
#include "reconcilers/limits/remediation_name.h"

namespace kr::remediation {

std::string LineageOf(const crds::Remediation& remediation) {
  if (!remediation.status.lineage.empty()) return remediation.status.lineage;
  const auto label = remediation.metadata.labels.find(std::string(crds::kLineageLabel));
  return label == remediation.metadata.labels.end() ? "" : label->second;
}

namespace {

constexpr absl::Duration kRowOfCancelled = absl::Hours(1);

// Places have no UID. The version of the API is no part of what a place is.
std::string PlaceKey(const crds::ObjectReference& ref) {
  const size_t slash = ref.api_version.find('/');
  const std::string group =
      slash == std::string::npos ? std::string() : ref.api_version.substr(0, slash);
  return group + "\n" + ref.kind + "\n" + ref.name_space + "\n" + ref.name;
}

std::string TargetKey(const crds::ObjectReference& ref) {
  return ref.uid.empty() ? PlaceKey(ref) : ref.uid;
}

}  // namespace

bool SameTarget(const crds::ObjectReference& a, const crds::ObjectReference& b) {
  if (!a.uid.empty() && !b.uid.empty()) return a.uid == b.uid;
  return PlaceKey(a) == PlaceKey(b);
}

bool IsOpen(const crds::Remediation& remediation) {
  return !remediation.status.phase || !crds::IsFinal(*remediation.status.phase);
}

bool IsStalled(const crds::Remediation& remediation) {
  return IsOpen(remediation) && limits::FindReason(remediation.status.reason).has_value();
}

void Registry::Upsert(const crds::Remediation& object) {
  const auto it = by_name_.find(object.metadata.name);
  if (it == by_name_.end()) {
    Index(by_name_.emplace(object.metadata.name, object).first->second);
    return;
  }
  const crds::Remediation& known = it->second;
  const bool older =
      known.metadata.uid == object.metadata.uid &&
      cache::CompareResourceVersions(object.metadata.resource_version,
                                     known.metadata.resource_version) == std::strong_ordering::less;
  if (older) return;
  Unindex(known);
  it->second = object;
  Index(it->second);
}

void Registry::Remove(std::string_view name, std::string_view uid) {
  const auto it = by_name_.find(name);
  if (it == by_name_.end() || it->second.metadata.uid != uid) return;
  Unindex(it->second);
  by_name_.erase(it);
}

void Registry::Index(const crds::Remediation& remediation) {
  by_lineage_[LineageOf(remediation)].insert(remediation.metadata.name);
  by_target_[TargetKey(remediation.spec.target_ref)].insert(remediation.metadata.name);
  by_policy_[remediation.spec.policy_ref.uid].insert(remediation.metadata.name);
}

void Registry::Unindex(const crds::Remediation& remediation) {
  const auto remove = [&](Names& names, const std::string& key) {
    const auto it = names.find(key);
    it->second.erase(remediation.metadata.name);
    if (it->second.empty()) names.erase(it);
  };
  remove(by_lineage_, LineageOf(remediation));
  remove(by_target_, TargetKey(remediation.spec.target_ref));
  remove(by_policy_, remediation.spec.policy_ref.uid);
}

void Registry::Visit(const Names& names, std::string_view key,
                     absl::FunctionRef<void(const crds::Remediation&)> visit) const {
  const auto it = names.find(key);
  if (it == names.end()) return;
  for (const std::string& name : it->second) visit(by_name_.find(name)->second);
}

const crds::Remediation* Registry::Find(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &it->second;
}

namespace {

// Keeps the newest of those that it is shown.
class NewestOf {
 public:
  void operator()(const crds::Remediation& remediation) {
    const int64_t n = limits::Remember(remediation, absl::InfinitePast()).ledger.n;
    const bool newer =
        newest_ == nullptr || n > n_ || (n == n_ && limits::RunsBefore(*newest_, remediation));
    if (!newer) return;
    newest_ = &remediation;
    n_ = n;
  }
  const crds::Remediation* get() const { return newest_; }

 private:
  const crds::Remediation* newest_ = nullptr;
  int64_t n_ = 0;
};

}  // namespace

bool Registry::HasUid(std::string_view uid) const {
  return std::ranges::any_of(by_name_,
                             [&](const auto& entry) { return entry.second.metadata.uid == uid; });
}

const crds::Remediation* Registry::Newest(std::string_view lineage) const {
  NewestOf newest;
  Visit(by_lineage_, lineage, [&](const crds::Remediation& one) { newest(one); });
  return newest.get();
}

std::vector<const crds::Remediation*> Registry::Ended(std::string_view lineage) const {
  std::vector<const crds::Remediation*> ended;
  Visit(by_lineage_, lineage, [&](const crds::Remediation& one) {
    if (one.status.finished_at) ended.push_back(&one);
  });
  std::ranges::sort(ended, std::greater(), [](const crds::Remediation* one) {
    return std::pair(*one->status.finished_at, one->metadata.name);
  });
  return ended;
}

const crds::Remediation* Registry::NewestAbout(std::string_view policy_uid,
                                               const crds::ObjectReference& target) const {
  NewestOf newest;
  Visit(by_target_, TargetKey(target), [&](const crds::Remediation& one) {
    if (one.spec.policy_ref.uid == policy_uid) newest(one);
  });
  return newest.get();
}

int64_t Registry::CancelledInARow(std::string_view policy_uid, const crds::ObjectReference& target,
                                  std::string_view reason) const {
  std::vector<const crds::Remediation*> all;
  Visit(by_target_, TargetKey(target), [&](const crds::Remediation& one) {
    if (one.spec.policy_ref.uid == policy_uid && one.status.finished_at) all.push_back(&one);
  });
  std::sort(all.begin(), all.end(), [](const auto* a, const auto* b) {
    return *a->status.finished_at > *b->status.finished_at;
  });
  const auto other = std::find_if(all.begin(), all.end(), [&](const crds::Remediation* one) {
    return one->status.phase != crds::Phase::kCancelled || one->status.reason != reason ||
           *all.front()->status.finished_at - *one->status.finished_at > kRowOfCancelled;
  });
  return other - all.begin();
}

std::vector<const crds::Remediation*> Registry::Open(std::string_view lineage) const {
  std::vector<const crds::Remediation*> open;
  Visit(by_lineage_, lineage, [&](const crds::Remediation& one) {
    if (IsOpen(one)) open.push_back(&one);
  });
  std::sort(open.begin(), open.end(),
            [](const auto* a, const auto* b) { return limits::RunsBefore(*a, *b); });
  return open;
}

void Registry::ForEachAbout(const crds::ObjectReference& target,
                            absl::FunctionRef<void(const crds::Remediation&)> visit) const {
  Visit(by_target_, PlaceKey(target), visit);
  if (!target.uid.empty()) Visit(by_target_, target.uid, visit);
}

void Registry::ForEachOf(std::string_view policy_uid,
                         absl::FunctionRef<void(const crds::Remediation&)> visit) const {
  Visit(by_policy_, policy_uid, visit);
}

void Registry::ForEach(absl::FunctionRef<void(const crds::Remediation&)> visit) const {
  for (const auto& [name, remediation] : by_name_) visit(remediation);
}

}  // namespace kr::remediation
