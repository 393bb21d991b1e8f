#pragma once

#include <string>

#include "controller/kube/config.h"

namespace CLI {
class App;
}

namespace kr::cmd {

// What `kube-remedy node-run` and `kube-remedy agent` have in common.
struct NodeFlags {
  kube::ConfigFlags cluster;
  std::string node_name;  // default: $NODE_NAME
  std::string log_level = "info";
  std::string log_format = "text";
  // Not "": files below it are the host's, programs run where we are. For trying out and for tests.
  std::string host_root;
};

struct NodeRunFlags : NodeFlags {
  std::string task;
};

struct AgentFlags : NodeFlags {
  std::string name_space;  // of the lease; default: $POD_NAMESPACE
};

void AddNodeRunOptions(CLI::App& app, NodeRunFlags& flags);
void AddAgentOptions(CLI::App& app, AgentFlags& flags);

}  // namespace kr::cmd
