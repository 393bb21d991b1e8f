#pragma once

#include "controller/base/status.h"
#include "reconcilers/policy/compiled_policy.h"

namespace kr::policy {

// Refuses what would bring the content of Secrets where more people can read it: a patch of a
// Secret with computed values (they are logged in the status before they are written), a call of a
// webhook with such a parameter (likewise), and a notice whose text reads the data of a Secret (it
// becomes an Event). InvalidArgument names the field.
//
// Expressions may compare the data of Secrets, and copy it into objects that are none: that is what
// their author has put in writing.
Status CheckSecrets(const CompiledPolicy& policy);

}  // namespace kr::policy
