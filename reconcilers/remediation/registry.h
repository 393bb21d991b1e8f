#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "crds/v1alpha1/remediation.h"

namespace kr::remediation {

// All Remediations of the cluster as far as is known: from the watch, and from our own creates that
// the watch has not delivered yet. By name, by lineage,
// by target and by policy. Engine thread only.
class Registry {
 public:
  // Of two states of one object the newer wins: the status of one that we run is known here first.
  void Upsert(const crds::Remediation& object);
  void Remove(std::string_view name, std::string_view uid);

  const crds::Remediation* Find(std::string_view name) const;
  bool HasUid(std::string_view uid) const;
  // The one with the highest n, then the youngest; null when the lineage has none.
  const crds::Remediation* Newest(std::string_view lineage) const;
  // The same of those of one policy about one object or empty place, whoever else has its lineage.
  const crds::Remediation* NewestAbout(std::string_view policy_uid,
                                       const crds::ObjectReference& target) const;
  // How many of the policy's last remediations of an object, one after the other, ended Cancelled
  // with `reason`, and within an hour of the last one.
  int64_t CancelledInARow(std::string_view policy_uid, const crds::ObjectReference& target,
                          std::string_view reason) const;
  // Those that are not finished, the one that is to run first.
  std::vector<const crds::Remediation*> Open(std::string_view lineage) const;
  // Those that have ended, the one that ended last first.
  std::vector<const crds::Remediation*> Ended(std::string_view lineage) const;
  void ForEach(absl::FunctionRef<void(const crds::Remediation&)> visit) const;
  // Those about the object, and about its place from when it was empty.
  void ForEachAbout(const crds::ObjectReference& target,
                    absl::FunctionRef<void(const crds::Remediation&)> visit) const;
  void ForEachOf(std::string_view policy_uid,
                 absl::FunctionRef<void(const crds::Remediation&)> visit) const;

 private:
  using Names = std::map<std::string, std::set<std::string>, std::less<>>;
  void Index(const crds::Remediation& remediation);
  void Unindex(const crds::Remediation& remediation);
  void Visit(const Names& names, std::string_view key,
             absl::FunctionRef<void(const crds::Remediation&)> visit) const;

  std::map<std::string, crds::Remediation, std::less<>> by_name_;
  Names by_lineage_;
  Names by_target_;  // UID; kind and name of an empty place
  Names by_policy_;  // UID
};

// Whether both mean one object, or one of them the place of the other.
bool SameTarget(const crds::ObjectReference& a, const crds::ObjectReference& b);

// The lineage (limits::LineageDigest) that a Remediation belongs to: its status says so, before the
// first status its label. "" when it was not made by the controller and not taken up yet.
std::string LineageOf(const crds::Remediation& remediation);
bool IsOpen(const crds::Remediation& remediation);
// Open, and waiting for something of the list of refusals: a person, an object, a window...
bool IsStalled(const crds::Remediation& remediation);

}  // namespace kr::remediation
