#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "absl/time/time.h"
#include "controller/base/status.h"

// `kubectl remedy eval`: what an expression of a policy yields for an object.
namespace kr::cmd {

// The one object in a manifest. InvalidArgument when there is none, more than one, or something
// else; `name` stands for the file.
StatusOr<nlohmann::json> ParseObject(std::string_view text, std::string_view name);

// The value of `expression` as JSON, with the variables of a policy: `object` (null without one),
// `target`, `now`; `related`, `events` and `variables` have no fields. Errors as cel::Program says
// them: those in the expression begin with "line:column: ".
StatusOr<nlohmann::json> EvaluateExpression(std::string_view expression,
                                            const std::optional<nlohmann::json>& object,
                                            absl::Time now);

// For a message that begins with "line:column: ": that line of the expression and a caret under
// the column. "" for any other message.
std::string PointAt(std::string_view expression, std::string_view message);

}  // namespace kr::cmd
