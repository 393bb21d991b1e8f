#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "controller/base/status.h"

namespace kr::cmd {

// The documents of a manifest, YAML or JSON, as JSON; empty documents are left out.
//
// Plain scalars mean what they mean to kubectl, which is YAML 1.1 without its sexagesimal numbers
// and timestamps: yes, no, on and off are booleans, 0644 and 0o644 octal numbers, 1_000 is a
// thousand; quoted ones are strings. Whole numbers are integers however they are written, beyond 64
// bits floating point. Keys are read in the same way and then are strings: on is "true".
//
// Errors are InvalidArgument "line:column: ...": broken YAML, a key twice in one mapping, a key
// that is no scalar, what JSON cannot say (.nan, .inf, binary), merge keys, a document that is
// nested too deeply or, by its aliases, too large.
StatusOr<std::vector<nlohmann::json>> ParseManifest(std::string_view text);

}  // namespace kr::cmd
