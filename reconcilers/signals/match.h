#pragma once

#include <string_view>
#include <vector>

#include "controller/base/status.h"
#include "crds/v1alpha1/common.h"
#include "reconcilers/signals/signal.h"

namespace kr::signals {

// One `match` expression: True or False by its value, Unknown when it fails to evaluate.
// `path` is where it stands in the policy, for errors.
StatusOr<SignalPtr> MakeMatch(const crds::NamedExpression& spec, const cel::Scope& scope,
                              std::string_view path);

}  // namespace kr::signals
