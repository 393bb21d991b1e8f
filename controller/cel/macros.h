#pragma once

#include "controller/base/status.h"
#include "controller/cel/ast.h"
#include "controller/cel/source.h"

namespace kr::cel {

// Turns `call` into a macro node, or into a select with test_only for has(), when its name, form
// and number of arguments are those of a macro; leaves it alone otherwise. InvalidArgument when its
// arguments are not what the macro needs.
Status ExpandMacro(const Source& source, Expr& call);

// The names of all macros, for suggestions.
const std::vector<std::string>& MacroNames();
// How a macro is written, such as "list.all(x, condition)"; "" for what is none.
std::string_view MacroUsage(std::string_view name);

}  // namespace kr::cel
