#include "cmd/kube-remedy/options.h"

#include <span>
#include <vector>

#include <CLI/CLI.hpp>

#include "cmd/common/command_line.h"
#include "cmd/common/version.h"
#include "cmd/kube-remedy/byte_count.h"
#include "cmd/kube-remedy/config_file.h"

namespace kr::cmd {
namespace {

constexpr char kFooter[] = R"(
Examples:
  # In a pod, as config/manager does it.
  kube-remedy controller --config /etc/kube-remedy/config.yaml

  # From a workstation, against the cluster of a kubeconfig context.
  kube-remedy controller --kubeconfig ~/.kube/config --context staging --log-level debug

  # One process alone, on any free port.
  kube-remedy controller --leader-elect=false --listen 127.0.0.1:0

Exit status: 0 after a graceful stop (SIGTERM or SIGINT), 1 when something failed or the leader
lease was lost, 2 for a wrong command line.)";

constexpr char kElectHelp[] =
    "Act only while holding the leader lease. With =false this process considers itself the "
    "leader from the start: never run a second one beside it";

std::vector<std::string> Names(std::span<const std::string_view> names) {
  return {names.begin(), names.end()};
}

// An option whose value is kept only when it was given.
CLI::Option* AddText(CLI::App& app, const char* name, std::optional<std::string>& value,
                     const char* help) {
  return app.add_option_function<std::string>(
      name, [&value](const std::string& given) { value = given; }, help);
}

void AddControllerOptions(CLI::App& app, ControllerFlags& flags) {
  app.add_option("--config", flags.config_file, "Configuration file (docs/configuration.md)")
      ->type_name("FILE");
  AddClusterFlags(app, flags.cluster);
  app.add_option_function<std::string>(
         "--leader-elect",
         [&flags](const std::string& given) { flags.elect_leader = given == "true"; }, kElectHelp)
      ->expected(0, 1)
      ->default_str("true")
      ->check(CLI::IsMember({"true", "false"}));
  AddText(app, "--listen,--metrics-bind-address", flags.listen,
          "Where /healthz, /readyz and /metrics are served: IP:PORT or :PORT")
      ->type_name("ADDRESS");
  app.add_option_function<std::string>(
         "--max-cache-bytes",
         [&flags](const std::string& given) { flags.max_cache_bytes = ParseByteCount(given); },
         "Memory for what is watched, as in 512Mi; a policy that does not fit in gives way")
      ->type_name("BYTES")
      ->check([](const std::string& given) {
        return ParseByteCount(given) ? "" : "not a number of bytes, as in 512Ki or 16Mi: " + given;
      });
  AddText(app, "--log-level", flags.log_level, "Least level that is logged")
      ->check(CLI::IsMember(Names(kLogLevels)));
  AddText(app, "--log-format", flags.log_format, "Form of the log on standard error")
      ->check(CLI::IsMember(Names(kLogFormats)));
  AddText(app, "--transport", flags.transport, "What carries single requests")
      ->check(CLI::IsMember(Names(Transports())));
}

}  // namespace

std::variant<ControllerFlags, NodeRunFlags, AgentFlags, int> ParseFlags(int argc,
                                                                        const char* const* argv,
                                                                        std::ostream& out,
                                                                        std::ostream& err) {
  CLI::App app("Heals known incidents in a Kubernetes cluster, as RemediationPolicies say.",
               "kube-remedy");
  app.set_version_flag("--version", "kube-remedy " + std::string(Version()), "Print the version");
  app.require_subcommand(1);
  CLI::App* controller = app.add_subcommand("controller", "Run the controller");
  ControllerFlags flags;
  AddControllerOptions(*controller, flags);
  controller->footer(kFooter);
  controller->set_version_flag("--version", "kube-remedy " + std::string(Version()),
                               "Print the version");

  NodeRunFlags node_run_flags;
  CLI::App* node_run = app.add_subcommand("node-run", "Execute one NodeTask on this node (a Job)");
  AddNodeRunOptions(*node_run, node_run_flags);
  AgentFlags agent_flags;
  CLI::App* agent = app.add_subcommand("agent", "Execute the NodeTasks of this node (a DaemonSet)");
  AddAgentOptions(*agent, agent_flags);

  if (const auto exit = ParseArguments(app, argc, argv, out, err)) return *exit;
  if (node_run->parsed()) return node_run_flags;
  if (agent->parsed()) return agent_flags;
  return flags;
}

StatusOr<Config> LoadConfig(const ControllerFlags& flags) {
  Config config;
  if (!flags.config_file.empty()) {
    KR_ASSIGN_OR_RETURN(config, ReadConfigFile(flags.config_file));
  }
  if (flags.elect_leader) config.elect_leader = *flags.elect_leader;
  if (flags.listen) config.listen = *flags.listen;
  if (flags.log_level) config.log_level = *flags.log_level;
  if (flags.log_format) config.log_format = *flags.log_format;
  if (flags.max_cache_bytes) config.max_cache_bytes = *flags.max_cache_bytes;
  if (flags.transport) config.transport = *flags.transport;
  // The file alone was fine; together they may not be.
  for (const ConfigProblem& problem : CheckConfig(config)) {
    return InvalidArgument(problem.path + ": " + problem.message);
  }
  return config;
}

}  // namespace kr::cmd
