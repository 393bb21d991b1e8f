#pragma once

#include <fstream>
#include <iterator>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "reconcilers/agent/execute.h"
#include "tests/support/temp_dir.h"

namespace kr::agent {

class NoWaiter final : public kube::Waiter {
 public:
  bool Wait(absl::Duration, std::stop_token) override { return true; }
};

inline std::string ReadFile(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// With real programs and a folder for a host: everything but its namespaces.
struct Host {
  testing::TempDir dir;
  HostFiles files{dir.Path("")};
  RealClock clock;
  NoWaiter waiter;
  HostContext context{.files = files,
                      .clock = clock,
                      .waiter = waiter,
                      .backup_folder = "backups",
                      .settle = absl::ZeroDuration()};
  crds::NodeTaskSpec spec;
  size_t heard = 0;

  Executed Run(std::stop_token stop = {}) {
    return ExecuteCommands("task", spec, context, std::move(stop), [&](const auto&) { ++heard; });
  }
  void Add(std::vector<std::string> argv, absl::Duration timeout = absl::Seconds(10),
           crds::CommandFailure on_failure = crds::CommandFailure::kFail) {
    spec.commands.push_back(
        {.argv = std::move(argv), .timeout = timeout, .on_failure = on_failure});
  }
  crds::EditFile& Edit(const std::string& path) {
    spec.commands.push_back(
        {.edit_file =
             crds::EditFile{.path = path, .format = crds::FileFormat::kYaml, .set = {{"/a", "2"}}},
         .timeout = absl::Seconds(5)});
    return *spec.commands.back().edit_file;
  }
};

}  // namespace kr::agent
