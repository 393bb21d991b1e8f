// kubectl-remedy, also `kubectl remedy`: people's side of kube-remedy.

#include <iostream>

#include "absl/time/clock.h"
#include "cmd/kubectl-remedy/command.h"
#include "controller/base/clock.h"

int main(int argc, char** argv) {
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
