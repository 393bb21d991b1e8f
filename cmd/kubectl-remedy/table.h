#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace kr::cmd {

// Columns as kubectl prints them: three spaces between, no space at the end of a line. Rows may be
// shorter than the header.
std::string FormatTable(const std::vector<std::string>& header,
                        const std::vector<std::vector<std::string>>& rows);

// An age as kubectl shows it: 5s, 3m20s, 5m, 3h10m, 12h, 2d3h, 12d, 2y; "<invalid>" of the future.
std::string FormatAge(absl::Duration age);

}  // namespace kr::cmd
