#pragma once

#include <optional>

#include "crds/v1alpha1/service_steps.h"
#include "reconcilers/actions/action.h"

namespace kr::actions {

// What speaks against recreating the Service `observed.live` now; nullopt: nothing does. Its owners
// are looked up (Look) where they have to be alive, for DeleteCreate.
std::optional<Next> CheckRecreation(const crds::RecreateService& params, const Observed& observed);

}  // namespace kr::actions
