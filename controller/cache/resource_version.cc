#include "controller/cache/resource_version.h"

#include <algorithm>

namespace kr::cache {
namespace {

bool WellFormed(std::string_view version) {
  if (version.empty() || (version.front() == '0' && version.size() > 1)) return false;
  return std::all_of(version.begin(), version.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<std::strong_ordering> CompareResourceVersions(std::string_view a,
                                                            std::string_view b) {
  if (!WellFormed(a) || !WellFormed(b)) return std::nullopt;
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a <=> b;
}

}  // namespace kr::cache
