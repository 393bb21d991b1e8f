#pragma once

#include <memory>
#include <string_view>

#include <re2/re2.h>

#include "controller/base/status.h"

namespace kr::cel {

// Compiles a pattern with the memory bound that all patterns of users get. InvalidArgument says
// what RE2 dislikes.
StatusOr<std::shared_ptr<const re2::RE2>> CompilePattern(std::string_view pattern);

}  // namespace kr::cel
