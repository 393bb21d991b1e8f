#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/base/status.h"
#include "controller/cel/ast.h"
#include "controller/cel/source.h"
#include "controller/cel/type.h"

namespace kr::cel {

// What the checker says of a whole expression.
struct Checked {
  Type type;
  std::vector<std::string> variables;  // of the scope, as used; Expr::slot counts these
  size_t locals = 0;                   // slots that macros need
};

// Resolves names and overloads, gives every node a type and completes it (see Expr). Errors are
// InvalidArgument "line:column: ...", the first one found. `scope` must outlive the call only.
StatusOr<Checked> Check(const Source& source, const Scope& scope, Expr& root,
                        const std::optional<Type>& expected);

}  // namespace kr::cel
