// kube-remedy: the programs that run in a cluster, one subcommand each.

#include <iostream>
#include <stop_token>
#include <variant>

#include "cmd/common/command_line.h"
#include "cmd/kube-remedy/app.h"
#include "cmd/kube-remedy/config.h"
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

int Control(const kr::cmd::ControllerFlags& flags) {
  const auto config = kr::cmd::LoadConfig(flags);
  if (!config.ok()) return Fail(config.status(), kr::cmd::kExitUsage);
  kr::log::Configure(kr::cmd::LogLevelOf(config->log_level),
                     kr::cmd::LogFormatOf(config->log_format));

  // Before any other thread.
  std::stop_source stop;
  const auto signals = kr::runtime::SignalWatcher::Start([&stop] { stop.request_stop(); });
  if (!signals.ok()) return Fail(signals.status(), kr::cmd::kExitFailed);

  const auto cluster = kr::kube::LoadClusterConfig(flags.cluster, kr::kube::ProcessEnvironment());
  if (!cluster.ok()) return Fail(cluster.status(), kr::cmd::kExitFailed);
  kr::RealClock clock;
  const kr::Status status = kr::cmd::RunController(*config, *cluster, clock, stop.get_token());
  return status.ok() ? kr::cmd::kExitOk : kr::cmd::kExitFailed;
}

}  // namespace

int main(int argc, char** argv) {
  kr::runtime::ConfigureMalloc();
  const auto flags = kr::cmd::ParseControllerFlags(argc, argv, std::cout, std::cerr);
  if (const int* exit_status = std::get_if<int>(&flags)) return *exit_status;
  return Control(std::get<kr::cmd::ControllerFlags>(flags));
}
