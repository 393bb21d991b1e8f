#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace kr::crds {

// Durations as Go and Kubernetes write them, limited to the units h, m, s and ms: "30s", "1h30m",
// "1.5s", "0". Neither signs nor infinity. nullopt for anything else.
std::optional<absl::Duration> ParseDuration(std::string_view text);

// The shortest such spelling: "90s" is "1m30s", nothing is "0s". Below a millisecond is cut off.
std::string FormatDuration(absl::Duration duration);

}  // namespace kr::crds
