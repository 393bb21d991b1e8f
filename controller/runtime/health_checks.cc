#include "controller/runtime/health_checks.h"

#include <algorithm>

namespace kr::runtime {

void HealthChecks::Add(std::string_view name, Check check) {
  MutexLock lock(mu_);
  checks_.emplace_back(name, std::move(check));
}

HealthChecks::Report HealthChecks::Run(bool verbose,
                                       const std::vector<std::string>& exclude) const {
  Report report;
  for (const auto& [name, check] : Snapshot()) {
    if (std::find(exclude.begin(), exclude.end(), name) != exclude.end()) {
      report.text += "[+]" + name + " excluded: ok\n";
      continue;
    }
    const Status status = check();
    if (status.ok()) {
      report.text += "[+]" + name + " ok\n";
    } else {
      report.healthy = false;
      report.text += "[-]" + name + " failed: " + std::string(Message(status)) + "\n";
    }
  }
  if (report.healthy && !verbose) return {.healthy = true, .text = "ok"};
  report.text += endpoint_ + (report.healthy ? " check passed\n" : " check failed\n");
  return report;
}

StatusOr<HealthChecks::Report> HealthChecks::RunOne(std::string_view wanted) const {
  for (const auto& [name, check] : Snapshot()) {
    if (name != wanted) continue;
    const Status status = check();
    if (status.ok()) return Report{.healthy = true, .text = "ok"};
    return Report{.healthy = false, .text = std::string(Message(status)) + "\n"};
  }
  return NotFound("no such check");
}

std::vector<std::pair<std::string, HealthChecks::Check>> HealthChecks::Snapshot() const {
  MutexLock lock(mu_);
  return checks_;
}

HealthChecks::Check EngineAlive(const Engine& engine, const Clock& clock, absl::Duration max_age) {
  return [&engine, &clock, max_age] {
    const absl::Duration age = clock.Monotonic() - engine.last_beat();
    if (age <= max_age) return OkStatus();
    return DeadlineExceeded("the engine has not come round for " + absl::FormatDuration(age));
  };
}

}  // namespace kr::runtime
