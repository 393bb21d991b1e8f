// kube-remedy: the programs that run in a cluster, one subcommand each.

#include <iostream>
#include <stop_token>
#include <utility>
#include <variant>

#include "cmd/common/command_line.h"
#include "cmd/kube-remedy/app.h"
#include "cmd/kube-remedy/config.h"
#include "cmd/kube-remedy/node_programs.h"
#include "cmd/kube-remedy/options.h"
#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/kube/config.h"
#include "controller/runtime/process.h"
#include "controller/runtime/signals.h"

namespace {

int Fail(const kr::Status& status, int exit_status) {
  std::cerr << "kube-remedy: " << kr::Message(status) << "\n";
  return exit_status;
}

// What all subcommands need: signals that stop, and a cluster.
template <typename Program>
int Run(const kr::kube::ConfigFlags& flags, const Program& program) {
  // Before any other thread.
  std::stop_source stop;
  const auto signals = kr::runtime::SignalWatcher::Start([&stop] { stop.request_stop(); });
  if (!signals.ok()) return Fail(signals.status(), kr::cmd::kExitFailed);

  const auto cluster = kr::kube::LoadClusterConfig(flags, kr::kube::ProcessEnvironment());
  if (!cluster.ok()) return Fail(cluster.status(), kr::cmd::kExitFailed);
  kr::RealClock clock;
  return program(*cluster, clock, stop.get_token());
}

int Control(const kr::cmd::ControllerFlags& flags) {
  const auto config = kr::cmd::LoadConfig(flags);
  if (!config.ok()) return Fail(config.status(), kr::cmd::kExitUsage);
  kr::log::Configure(kr::cmd::LogLevelOf(config->log_level),
                     kr::cmd::LogFormatOf(config->log_format));
  return Run(flags.cluster, [&](const auto& cluster, kr::Clock& clock, std::stop_token stop) {
    const kr::Status status = kr::cmd::RunController(*config, cluster, clock, std::move(stop));
    return status.ok() ? kr::cmd::kExitOk : kr::cmd::kExitFailed;
  });
}

// On a node.
template <typename Flags, typename Program>
int Serve(const Flags& flags, const Program& program) {
  kr::log::Configure(kr::cmd::LogLevelOf(flags.log_level), kr::cmd::LogFormatOf(flags.log_format));
  return Run(flags.cluster, [&](const auto& cluster, kr::Clock& clock, std::stop_token stop) {
    const kr::Status status = program(flags, cluster, clock, std::move(stop));
    return status.ok() ? kr::cmd::kExitOk : Fail(status, kr::cmd::kExitFailed);
  });
}

}  // namespace

int main(int argc, char** argv) {
  kr::runtime::ConfigureMalloc();
  const auto flags = kr::cmd::ParseFlags(argc, argv, std::cout, std::cerr);
  if (const int* exit_status = std::get_if<int>(&flags)) return *exit_status;
  if (const auto* run = std::get_if<kr::cmd::NodeRunFlags>(&flags)) {
    return Serve(*run, kr::cmd::RunNodeTask);
  }
  if (const auto* agent = std::get_if<kr::cmd::AgentFlags>(&flags)) {
    return Serve(*agent, kr::cmd::RunAgent);
  }
  return Control(std::get<kr::cmd::ControllerFlags>(flags));
}
