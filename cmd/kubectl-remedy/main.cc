// kubectl-remedy, also `kubectl remedy`: people's side of kube-remedy.

#include <iostream>

#include "absl/time/clock.h"
#include "cmd/kubectl-remedy/command.h"
#include "controller/base/clock.h"
#include "controller/base/log.h"

int main(int argc, char** argv) {
  // People get sentences; what a sandboxed controller logs about itself is none of them.
  kr::log::Configure(kr::log::Level::kError, kr::log::Format::kText);
  kr::RealClock clock;
  kr::cmd::Console console{.out = std::cout,
                           .err = std::cerr,
                           .clock = clock,
                           .wait = [](absl::Duration duration) { absl::SleepFor(duration); },
                           .connect =
                               [&clock](const kr::kube::ConfigFlags& flags) {
                                 return kr::cmd::Cluster::Connect(flags, clock);
                               }};
  return kr::cmd::RunCommandLine(argc, argv, console);
}
