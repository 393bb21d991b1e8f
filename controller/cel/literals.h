#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/base/status.h"

namespace kr::cel {

// Resolves the escapes of CEL in what stands between the quotes of a string literal, or of a bytes
// literal, where \x and octal escapes are single bytes and \u is refused. The error is a sentence
// without place.
StatusOr<std::string> Unescape(std::string_view body, bool bytes);

}  // namespace kr::cel
