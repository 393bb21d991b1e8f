#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/base/status.h"
#include "controller/runtime/engine.h"

namespace kr::runtime {

// The named checks behind one health endpoint, answered in the form that Kubernetes' own
// components use. Thread-safe. Checks run on the thread that serves: they must be quick,
// thread-safe and must not call back into this class.
class HealthChecks {
 public:
  using Check = std::function<Status()>;

  // `endpoint` is the word in the summary line: "healthz", "readyz".
  explicit HealthChecks(std::string_view endpoint) : endpoint_(endpoint) {}

  // Checks are asked in the order in which they were added.
  void Add(std::string_view name, Check check);

  struct Report {
    bool healthy = true;
    std::string text;
  };
  // "ok", or, when `verbose` or something fails, one line per check and a summary. Checks named in
  // `exclude` are not asked.
  Report Run(bool verbose, const std::vector<std::string>& exclude = {}) const;
  // One check alone; healthy = false and code NotFound in the text when there is none.
  StatusOr<Report> RunOne(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, Check>> Snapshot() const;

  const std::string endpoint_;
  mutable Mutex mu_;
  std::vector<std::pair<std::string, Check>> checks_ ABSL_GUARDED_BY(mu_);
};

// Fails when the engine's loop has not come round for `max_age`: an input hangs.
HealthChecks::Check EngineAlive(const Engine& engine, const Clock& clock, absl::Duration max_age);

}  // namespace kr::runtime
