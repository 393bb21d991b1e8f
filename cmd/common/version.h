#pragma once

#include <string_view>

namespace kr::cmd {

// Of this build: "0.1.0".
std::string_view Version();

}  // namespace kr::cmd
