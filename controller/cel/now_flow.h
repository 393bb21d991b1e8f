#pragma once

#include "controller/base/status.h"
#include "controller/cel/ast.h"
#include "controller/cel/source.h"

namespace kr::cel {

// Refuses a checked expression in which a value that moves with `now` gets where nobody can say
// until when it holds: into text, numbers, map keys or the result. InvalidArgument with the place.
Status CheckNowFlow(const Source& source, const Expr& root,
                    const std::vector<std::string>& variables, size_t locals);

}  // namespace kr::cel
