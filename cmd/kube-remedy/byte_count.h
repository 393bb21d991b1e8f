#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace kr::cmd {

// "4096", "512Ki", "16Mi", "1Gi"; nullopt for anything else.
std::optional<size_t> ParseByteCount(std::string_view text);
// The shortest such spelling.
std::string FormatByteCount(size_t bytes);

// A number without sign and unit.
std::optional<size_t> ParseCount(std::string_view text);

}  // namespace kr::cmd
