#pragma once

#include <compare>
#include <optional>
#include <string_view>

namespace kr::cache {

// Orders two versions of the same resource type (KEP-5504: decimal, no leading zeros). nullopt when
// either is not of that form, as some aggregated API servers have it: then nothing is known.
std::optional<std::strong_ordering> CompareResourceVersions(std::string_view a, std::string_view b);

}  // namespace kr::cache
