#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace kr::crds {

// One object by name. `name_space` is "" for cluster-scoped kinds; `uid` is "" where any object of
// that name is meant.
struct ObjectReference {
  std::string api_version;
  std::string kind;
  std::string name_space;
  std::string name;
  std::string uid;

  // "DaemonSet kube-system/calico-node", "Node worker-1".
  std::string ToString() const;
  friend bool operator==(const ObjectReference&, const ObjectReference&) = default;
};

struct OwnerReference {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;
  bool controller = false;
  bool block_owner_deletion = false;

  friend bool operator==(const OwnerReference&, const OwnerReference&) = default;
};

// The part of metav1.ObjectMeta that a controller works with. Other fields (managedFields, ...) are
// skipped when read and never written.
struct ObjectMeta {
  std::string name;
  std::string name_space;
  std::string uid;
  std::string resource_version;  // opaque
  int64_t generation = 0;        // 0: not given
  std::optional<absl::Time> creation_timestamp;
  std::optional<absl::Time> deletion_timestamp;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> finalizers;
  std::vector<OwnerReference> owner_references;

  bool HasFinalizer(std::string_view finalizer) const;
  friend bool operator==(const ObjectMeta&, const ObjectMeta&) = default;
};

}  // namespace kr::crds
