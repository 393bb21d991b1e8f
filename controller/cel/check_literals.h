#pragma once

#include "controller/base/status.h"
#include "controller/cel/ast.h"
#include "controller/cel/source.h"
#include "controller/cel/terms.h"

namespace kr::cel {

// Judges the constant arguments of a checked call already now, instead of at every evaluation:
// patterns (compiled into Expr::pattern), timestamps, durations and format strings.
Status CheckConstantArguments(const Source& source, TypeSpace& types, Expr& call);

}  // namespace kr::cel
