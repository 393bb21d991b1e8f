#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "crds/v1alpha1/remediation.h"

namespace kr::remediation {

// All Remediations of the cluster as far as is known: from the watch, and from our own creates that
// the watch has not delivered yet. By name and by lineage. Engine thread only.
class Registry {
 public:
  // Of two states of one object the newer wins: the status of one that we run is known here first.
  void Upsert(const crds::Remediation& object);
  void Remove(std::string_view name, std::string_view uid);

  const crds::Remediation* Find(std::string_view name) const;
  // The one with the highest n, then the youngest; null when the lineage has none.
  const crds::Remediation* Newest(std::string_view lineage) const;
  // Those that are not finished, the one that is to run first.
  std::vector<const crds::Remediation*> Open(std::string_view lineage) const;
  void ForEach(absl::FunctionRef<void(const crds::Remediation&)> visit) const;

 private:
  std::map<std::string, crds::Remediation, std::less<>> by_name_;
};

// The lineage that a Remediation belongs to: from its status, else computed from its spec.
std::string LineageOf(const crds::Remediation& remediation);
bool IsOpen(const crds::Remediation& remediation);

}  // namespace kr::remediation
