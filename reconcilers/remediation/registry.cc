#include "reconcilers/remediation/registry.h"

#include <algorithm>

#include "controller/cache/resource_version.h"
#include "reconcilers/limits/lineage.h"
#include "reconcilers/limits/memory.h"
#include "reconcilers/limits/remediation_name.h"

namespace kr::remediation {

std::string LineageOf(const crds::Remediation& remediation) {
  if (!remediation.status.lineage.empty()) return remediation.status.lineage;
  return limits::LineageDigest(remediation.spec.policy_ref.uid,
                               limits::Lineage(remediation.spec.target_ref));
}

bool IsOpen(const crds::Remediation& remediation) {
  return !remediation.status.phase || !crds::IsFinal(*remediation.status.phase);
}

void Registry::Upsert(const crds::Remediation& object) {
  const auto it = by_name_.find(object.metadata.name);
  if (it == by_name_.end()) {
    by_name_.emplace(object.metadata.name, object);
    return;
  }
  const crds::Remediation& known = it->second;
  const bool older =
      known.metadata.uid == object.metadata.uid &&
      cache::CompareResourceVersions(object.metadata.resource_version,
                                     known.metadata.resource_version) == std::strong_ordering::less;
  if (!older) it->second = object;
}

void Registry::Remove(std::string_view name, std::string_view uid) {
  const auto it = by_name_.find(name);
  if (it != by_name_.end() && it->second.metadata.uid == uid) by_name_.erase(it);
}

const crds::Remediation* Registry::Find(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &it->second;
}

const crds::Remediation* Registry::Newest(std::string_view lineage) const {
  const crds::Remediation* newest = nullptr;
  int64_t newest_n = 0;
  for (const auto& [name, remediation] : by_name_) {
    if (LineageOf(remediation) != lineage) continue;
    const int64_t n = limits::Remember(remediation, absl::InfinitePast()).ledger.n;
    const bool newer = newest == nullptr || n > newest_n ||
                       (n == newest_n && limits::RunsBefore(*newest, remediation));
    if (!newer) continue;
    newest = &remediation;
    newest_n = n;
  }
  return newest;
}

std::vector<const crds::Remediation*> Registry::Open(std::string_view lineage) const {
  std::vector<const crds::Remediation*> open;
  for (const auto& [name, remediation] : by_name_) {
    if (IsOpen(remediation) && LineageOf(remediation) == lineage) open.push_back(&remediation);
  }
  std::sort(open.begin(), open.end(),
            [](const auto* a, const auto* b) { return limits::RunsBefore(*a, *b); });
  return open;
}

void Registry::ForEach(absl::FunctionRef<void(const crds::Remediation&)> visit) const {
  for (const auto& [name, remediation] : by_name_) visit(remediation);
}

}  // namespace kr::remediation
