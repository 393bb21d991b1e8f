#pragma once

#include <map>
#include <string>
#include <string_view>

#include "cmd/kube-remedy/config.h"
#include "controller/base/status.h"

namespace kr::cmd {

// The configuration file: YAML, one mapping, every key optional. `name` stands for it in errors.
//
// Everything that is wrong is said at once, a line each: "NAME:LINE:COLUMN: key: what". Errors are
// InvalidArgument; ReadConfigFile: NotFound when the file cannot be read.
StatusOr<Config> ParseConfig(std::string_view text, std::string_view name);
StatusOr<Config> ReadConfigFile(const std::string& path);

// All keys with their values, as the file spells them: {"limits.relapse", "24h"}.
std::map<std::string, std::string> DescribeConfig(Config config);

}  // namespace kr::cmd
