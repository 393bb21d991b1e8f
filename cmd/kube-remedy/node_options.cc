#include "cmd/kube-remedy/node_options.h"

#include <vector>

#include <CLI/CLI.hpp>

#include "cmd/common/command_line.h"
#include "cmd/common/version.h"
#include "cmd/kube-remedy/config.h"
#include "reconcilers/node/job.h"

namespace kr::cmd {
namespace {

constexpr char kNodeRunFooter[] = R"(
The operator makes the Job that runs this, in a privileged pod with hostPID on the task's node. The
task is executed only if it is what it says, and once: see docs/node-commands.md.

Exit status: 0 when the task has succeeded (or the host is restarting), 1 when it has not, 2 for a
wrong command line.)";

constexpr char kAgentFooter[] = R"(
The DaemonSet of config/agent runs this, in privileged pods with hostPID. It executes the NodeTasks
of its own node that are for the agent, and renews a Lease. Without the node's name in its token, or
without the admission policy that binds results to that name, it does nothing.

Exit status: 0 after a graceful stop (SIGTERM or SIGINT), 1 when something failed, 2 for a wrong
command line.)";

void AddNodeOptions(CLI::App& app, NodeFlags& flags) {
  AddClusterFlags(app, flags.cluster);
  app.add_option("--node-name", flags.node_name, "Name of this node")
      ->envname("NODE_NAME")
      ->required()
      ->type_name("NAME");
  app.add_option("--log-level", flags.log_level, "Least level that is logged")
      ->check(CLI::IsMember(std::vector<std::string>(std::begin(kLogLevels), std::end(kLogLevels))))
      ->capture_default_str();
  app.add_option("--log-format", flags.log_format, "Form of the log on standard error")
      ->check(
          CLI::IsMember(std::vector<std::string>(std::begin(kLogFormats), std::end(kLogFormats))))
      ->capture_default_str();
  app.add_option("--host-root", flags.host_root,
                 "Do not enter the host: its files are below DIR, programs are run right here. For "
                 "trying out")
      ->type_name("DIR");
  app.set_version_flag("--version", "kube-remedy " + std::string(Version()), "Print the version");
}

}  // namespace

void AddNodeRunOptions(CLI::App& app, NodeRunFlags& flags) {
  AddNodeOptions(app, flags);
  app.add_option("--task", flags.task, "Name of the NodeTask")->required()->type_name("NAME");
  app.footer(kNodeRunFooter);
}

void AddAgentOptions(CLI::App& app, AgentFlags& flags) {
  AddNodeOptions(app, flags);
  flags.name_space = node::kNodeNamespace;
  app.add_option("--namespace", flags.name_space, "Where the agent's Lease is")
      ->envname("POD_NAMESPACE")
      ->capture_default_str()
      ->type_name("NAMESPACE");
  app.footer(kAgentFooter);
}

}  // namespace kr::cmd
