#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/status.h"
#include "controller/cel/source.h"

namespace kr::cel {

struct Token {
  enum class Kind : uint8_t {
    kEnd,
    kIdent,
    kInt,
    kUint,
    kDouble,
    kString,
    kBytes,
    // Operators, brackets and the words `in`, `true`, `false`, `null`: `text` says which.
    kSymbol,
  };
  Kind kind = Kind::kEnd;
  uint32_t offset = 0;    // of the first byte in the source
  std::string_view text;  // as written; lives as long as the source
  std::string value;      // string and bytes: without quotes, escapes resolved
};

// Splits an expression into tokens, the last of kind kEnd. InvalidArgument "line:column: ..." for
// what can be no token.
StatusOr<std::vector<Token>> Tokenize(const Source& source);

}  // namespace kr::cel
