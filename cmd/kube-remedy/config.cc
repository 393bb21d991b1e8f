#include "cmd/kube-remedy/config.h"

#include <utility>

#include "controller/kube/address_filter.h"
#include "controller/runtime/health_server.h"
#include "controller/runtime/write_permit.h"
#include "crds/meta/duration.h"

namespace kr::cmd {
namespace {

std::string Show(absl::Duration duration) {
  return crds::FormatDuration(duration);
}

void CheckElection(const Config& config, std::vector<ConfigProblem>& problems) {
  const std::string lease = Show(config.lease_duration);
  const auto add = [&](std::string_view key, std::string message) {
    problems.push_back({"leaderElection." + std::string(key), std::move(message)});
  };
  if (config.lease.name_space.empty()) add("namespace", "must not be empty");
  if (config.lease.name.empty()) add("name", "must not be empty");
  if (config.lease_duration != absl::Trunc(config.lease_duration, absl::Seconds(1))) {
    add("leaseDuration", "must be whole seconds, not " + lease);
  }
  if (config.renew_deadline >= config.lease_duration) {
    add("renewDeadline",
        Show(config.renew_deadline) + " must be less than leaseDuration (" + lease + ")");
  }
  if (config.retry_period * 1.2 >= config.renew_deadline) {
    add("retryPeriod", Show(config.retry_period) + ", with a fifth of jitter, must be less than " +
                           "renewDeadline (" + Show(config.renew_deadline) + ")");
  }
}

// Whoever can post alerts can make policies act, so there is no way to receive them in the open.
void CheckAlerts(const Config& config, std::vector<ConfigProblem>& problems) {
  if (config.alerts_listen.empty()) return;
  if (auto address = runtime::ParseListenAddress(config.alerts_listen); !address.ok()) {
    problems.push_back(
        {"alerts.listen", config.alerts_listen + ": " + std::string(Message(address.status()))});
  }
  for (const auto& [key, file] : {std::pair("certFile", &config.alerts_cert_file),
                                  {"keyFile", &config.alerts_key_file},
                                  {"tokenFile", &config.alerts_token_file}}) {
    if (!file->empty()) continue;
    problems.push_back({"alerts." + std::string(key), "is needed with alerts.listen"});
  }
}

// A write may only start while the permit outlasts it. Just before a renewal that is what is left
// of it; with less, writes would wait for the right moment, or for ever.
void CheckWriteTimeout(const Config& config, std::vector<ConfigProblem>& problems) {
  const absl::Duration safety = runtime::WritePermit::Options().safety;
  const absl::Duration left = config.lease_duration - safety - config.retry_period * 1.2;
  if (config.write_timeout <= left) return;
  problems.push_back({"timing.writeTimeout", Show(config.write_timeout) + " must be at most " +
                                                 Show(std::max(left, absl::ZeroDuration())) +
                                                 ": leaseDuration less " + Show(safety) +
                                                 " of safety and 1.2 of retryPeriod"});
}

}  // namespace

runtime::LeaderElectionConfig Config::Election(std::string identity) const {
  return {.lease = lease,
          .identity = std::move(identity),
          .lease_duration = lease_duration,
          .renew_deadline = renew_deadline,
          .retry_period = retry_period};
}

std::vector<std::string_view> Transports() {
#ifdef KR_CPPREST
  return {"beast", "cpprest"};
#else
  return {"beast"};
#endif
}

log::Level LogLevelOf(std::string_view name) {
  if (name == "debug") return log::Level::kDebug;
  if (name == "warning") return log::Level::kWarning;
  if (name == "error") return log::Level::kError;
  return log::Level::kInfo;
}

log::Format LogFormatOf(std::string_view name) {
  return name == "json" ? log::Format::kJson : log::Format::kText;
}

std::vector<ConfigProblem> CheckConfig(const Config& config) {
  std::vector<ConfigProblem> problems;
  if (auto address = runtime::ParseListenAddress(config.listen); !address.ok()) {
    problems.push_back({"listen", config.listen + ": " + std::string(Message(address.status()))});
  }
  CheckAlerts(config, problems);
  for (const std::string& network : config.webhooks_allow_networks) {
    const auto filter = kube::AddressFilter::Make({network});
    if (filter.ok()) continue;
    problems.push_back({"webhooks.allowNetworks", std::string(Message(filter.status()))});
  }
  if (config.elect_leader) {
    CheckElection(config, problems);
    if (problems.empty()) CheckWriteTimeout(config, problems);
  }
  const auto ordered = [&](std::string_view path, absl::Duration smaller, std::string_view other,
                           absl::Duration larger) {
    if (smaller <= larger) return;
    problems.push_back({std::string(path), Show(smaller) + " must be at most " +
                                               std::string(other) + " (" + Show(larger) + ")"});
  };
  ordered("timing.retryInitial", config.retry_initial, "retryMax", config.retry_max);
  ordered("watches.minDuration", config.min_watch, "maxDuration", config.max_watch);
  ordered("watches.backoffInitial", config.backoff_initial, "backoffMax", config.backoff_max);
  return problems;
}

}  // namespace kr::cmd
