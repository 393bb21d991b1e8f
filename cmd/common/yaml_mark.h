#pragma once

#include <string>

#include <yaml-cpp/mark.h>

namespace kr::cmd {

// "line:column" as people count, from 1.
inline std::string Position(const YAML::Mark& mark) {
  return std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
}

}  // namespace kr::cmd
