#pragma once

#include <iosfwd>
#include <optional>

namespace CLI {
class App;
}

namespace kr::kube {
struct ConfigFlags;
}

namespace kr::cmd {

// What shells and scripts expect of every program here.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// Parses. When that ends the program (--help, --version, an error, which is printed with the way to
// the help), the exit status; otherwise nullopt.
std::optional<int> ParseArguments(CLI::App& app, int argc, const char* const* argv,
                                  std::ostream& out, std::ostream& err);

// --kubeconfig and --context, for every command that talks to a cluster.
void AddClusterFlags(CLI::App& command, kube::ConfigFlags& flags);

}  // namespace kr::cmd
