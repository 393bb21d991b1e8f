#pragma once

#include <string>

#include "controller/kube/resource.h"
#include "crds/v1alpha1/common.h"
#include "crds/v1alpha1/node_task.h"

// Where the objects are that are needed to run something on a host.
namespace kr::node {

inline kube::Resource NodeResource() {
  return {{"", "v1", "Node"}, "nodes", false};
}
inline kube::Resource JobResource() {
  return {{"batch", "v1", "Job"}, "jobs", true};
}
inline kube::Resource LeaseResource() {
  return {{"coordination.k8s.io", "v1", "Lease"}, "leases", true};
}
inline kube::Resource NodeCommandResource() {
  return {
      {std::string(crds::kGroup), std::string(crds::kVersion), std::string(crds::kNodeCommandKind)},
      std::string(crds::kNodeCommandPlural),
      false};
}
inline kube::Resource NodeTaskResource() {
  return {
      {std::string(crds::kGroup), std::string(crds::kVersion), std::string(crds::kNodeTaskKind)},
      std::string(crds::kNodeTaskPlural),
      false};
}

}  // namespace kr::node
