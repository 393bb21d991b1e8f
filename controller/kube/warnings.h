#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/mutex.h"

namespace kr::kube {

// The texts in a Warning header (KEP-1693): `299 - "text"`, several separated by commas. What is
// not of that form is left out.
std::vector<std::string> ParseWarnings(std::string_view header);

// Logs what the server warns of, each text once: it repeats the same warning with every request.
// Remembers 1,000 texts and is silent about more. Thread-safe.
class WarningLog {
 public:
  // The texts of `header` that are new, after logging them.
  std::vector<std::string> Take(std::string_view header);

 private:
  Mutex mu_;
  std::set<std::string> seen_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kr::kube
