#pragma once

#include <string>

#include "controller/base/status.h"

namespace kr::cmd {

// The whole file; "-" is standard input. NotFound with path and reason when it cannot be read.
StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace kr::cmd
