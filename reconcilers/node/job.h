#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "absl/time/time.h"
#include "controller/kube/resource.h"
#include "crds/v1alpha1/node_task.h"

namespace kr::node {

// The namespace of Jobs and agents where nothing else is configured: their pods are privileged, and
// the operator's own is none where such pods may be.
inline constexpr char kNodeNamespace[] = "kube-remedy-node";
inline constexpr char kNodeServiceAccount[] = "kube-remedy-node";

struct JobOptions {
  std::string name_space;
  std::string image;
  std::string service_account;
  std::string api_server;  // "host:port"; "" = as every pod finds it
  absl::Duration deadline;
};

// The Job that executes `task`: on its node whatever taints that has, in the host's process and
// network namespaces, once. It has the task's name and goes with it.
nlohmann::json MakeJob(const crds::NodeTask& task, const JobOptions& options);

}  // namespace kr::node
