#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <variant>

#include "cmd/kube-remedy/config.h"
#include "cmd/kube-remedy/node_options.h"
#include "controller/base/status.h"
#include "controller/kube/config.h"

namespace kr::cmd {

// What the command line of `kube-remedy controller` said.
struct ControllerFlags {
  std::string config_file;  // "" = none
  kube::ConfigFlags cluster;
  // These win over the file.
  std::optional<bool> elect_leader;
  std::optional<std::string> listen;
  std::optional<std::string> log_level;
  std::optional<std::string> log_format;
  std::optional<std::string> transport;
  std::optional<size_t> max_cache_bytes;
};

// The flags of the subcommand, or the exit status when --help, --version or an error ended it.
std::variant<ControllerFlags, NodeRunFlags, AgentFlags, int> ParseFlags(int argc,
                                                                        const char* const* argv,
                                                                        std::ostream& out,
                                                                        std::ostream& err);

// The configuration file, if any, with the flags on top.
StatusOr<Config> LoadConfig(const ControllerFlags& flags);

}  // namespace kr::cmd
