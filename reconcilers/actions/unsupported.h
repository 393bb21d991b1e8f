#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "controller/base/status.h"
#include "controller/cel/type.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// An action that policies can name and this version does not have: refused when the policy is
// compiled.
template <typename Params>
StatusOr<std::unique_ptr<Action>> MakeUnsupported(const Params&, const cel::Scope&,
                                                  std::string_view path) {
  return InvalidArgument(std::string(path) + ": is not supported by this version");
}

}  // namespace kr::actions
