#pragma once

#include <string>
#include <vector>

#include "controller/cel/ast.h"
#include "controller/cel/program.h"

namespace kr::cel {

// What a checked expression reads of its variables, see Read: canonical (sorted, without paths that
// another one covers), never narrower than what an evaluation looks at.
std::vector<Read> ExtractReads(const Expr& root, const std::vector<std::string>& variables,
                               size_t locals);

}  // namespace kr::cel
