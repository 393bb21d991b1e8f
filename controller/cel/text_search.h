#pragma once

#include "controller/cel/function.h"

namespace kr::cel {

// indexOf() and lastIndexOf() of strings; the same names serve lists.
Value IndexOfText(const Call& call);
Value LastIndexOfText(const Call& call);

}  // namespace kr::cel
