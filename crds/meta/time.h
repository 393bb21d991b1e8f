#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace kr::crds {

// RFC 3339 with any offset and fraction, as metav1.Time and MicroTime. nullopt for anything else.
std::optional<absl::Time> ParseTime(std::string_view text);

// UTC with a 'Z'. Whole seconds as metav1.Time when there is no fraction, otherwise six digits as
// MicroTime; finer parts are cut off.
std::string FormatTime(absl::Time time);

}  // namespace kr::crds
