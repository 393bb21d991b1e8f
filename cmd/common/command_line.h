#pragma once

#include <iosfwd>
#include <optional>
#include <string>

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
// The question was answered, and the answer is no: an expectation does not hold, a remediation that
// was waited for did not succeed.
inline constexpr int kExitNo = 3;

// Parses. When that ends the program (--help, --version, an error, which is printed with the way to
// the help), the exit status; otherwise nullopt.
std::optional<int> ParseArguments(CLI::App& app, int argc, const char* const* argv,
                                  std::ostream& out, std::ostream& err);

// -n, --namespace.
void AddNamespaceFlag(CLI::App& command, std::string& name_space);
// -o, --output: table (the default), json or yaml.
void AddOutputFlag(CLI::App& command, std::string& output);

// --kubeconfig and --context, for every command that talks to a cluster.
void AddClusterFlags(CLI::App& command, kube::ConfigFlags& flags);

}  // namespace kr::cmd
