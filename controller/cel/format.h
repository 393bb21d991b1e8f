#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/status.h"
#include "controller/cel/value.h"

namespace kr::cel {

// A piece of a format string: text, then (but for a last piece of text only) one clause.
struct FormatPiece {
  std::string text;
  char verb = '\0';  // s d f e b x X o; 0: no clause
  std::optional<int> precision;
};

// Splits a format string. InvalidArgument says what is no clause.
StatusOr<std::vector<FormatPiece>> ParseFormat(std::string_view format);

// One argument as its clause wants it; an error for a value that the clause does not take.
StatusOr<std::string> FormatValue(const FormatPiece& piece, const Value& value);

// What kinds of values a clause takes, for messages: "%d takes ints and uints".
std::string_view ClauseTakes(char verb);

}  // namespace kr::cel
