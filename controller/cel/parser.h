#pragma once

#include "controller/base/status.h"
#include "controller/cel/ast.h"
#include "controller/cel/source.h"

namespace kr::cel {

// Bounds of one expression: beyond them it is refused with a message, so that nothing that walks
// the tree recurses further.
inline constexpr size_t kMaxDepth = 250;
inline constexpr size_t kMaxExpressionBytes = 100'000;

// Parses the grammar of cel-spec with optional syntax; macros become Expr::Kind::kMacro. Errors are
// InvalidArgument "line:column: ...".
StatusOr<ExprPtr> Parse(const Source& source);

}  // namespace kr::cel
