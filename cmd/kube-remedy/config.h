#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "controller/base/log.h"
#include "controller/kube/resource.h"
#include "controller/runtime/leader_elector.h"
#include "reconcilers/limits/settings.h"

namespace kr::cmd {

// How the controller runs: the configuration file with the flags on top. docs/configuration.md
// explains every key; its sample holds all of them at their defaults, and a test compares.
struct Config {
  // Of whatever is chosen by name: a value of the list that the key allows.
  std::string log_level = "info";
  std::string log_format = "text";
  std::string transport = "beast";  // of single requests; streams are always Beast's

  bool paused = false;
  std::string listen = ":8080";
  size_t workers = 24;
  absl::Duration grace_period = absl::Seconds(30);

  bool elect_leader = true;
  kube::ObjectKey lease{"kube-system", "kube-remedy"};
  absl::Duration lease_duration = absl::Seconds(15);
  absl::Duration renew_deadline = absl::Seconds(10);
  absl::Duration retry_period = absl::Seconds(2);

  limits::Settings limits;

  // A third of the lease duration unless the file says otherwise.
  absl::Duration write_timeout = absl::Seconds(5);
  absl::Duration retry_initial = absl::Milliseconds(500);
  absl::Duration retry_max = absl::Seconds(30);
  absl::Duration recheck = absl::Milliseconds(500);
  absl::Duration status_interval = absl::Seconds(5);
  absl::Duration progress_interval = absl::Seconds(10);
  absl::Duration approval_expiry = absl::Hours(1);
  absl::Duration prune_interval = absl::Minutes(1);

  absl::Duration stale_after = absl::Seconds(30);
  absl::Duration settle = absl::Seconds(2);
  absl::Duration shrink_interval = absl::Hours(1);
  absl::Duration min_watch = absl::Seconds(240);
  absl::Duration max_watch = absl::Seconds(290);
  absl::Duration backoff_initial = absl::Milliseconds(800);
  absl::Duration backoff_max = absl::Seconds(30);
  size_t max_cache_bytes = 0;  // 0: half of the memory limit of the container, if there is one

  // Where Alertmanager posts; "" = alerts are not received.
  std::string alerts_listen;
  std::string alerts_cert_file;
  std::string alerts_key_file;
  std::string alerts_token_file;
  absl::Duration alerts_repeated_within = absl::Minutes(15);

  // Where the Secrets of webhooks are; "" = in the pod's own namespace.
  std::string webhooks_namespace;
  bool webhooks_allow_http = false;
  std::vector<std::string> webhooks_allow_networks;  // exceptions of kube::AddressFilter

  // The pods of Jobs that run something on a node.
  std::string node_namespace = "kube-remedy-node";
  std::string node_image;  // "" = that of the controller's own pod
  std::string node_service_account = "kube-remedy-node";
  std::string node_api_server;  // "host:port"; "" = as every pod finds it

  size_t engine_queue_bytes = size_t{16} << 20;
  size_t event_queue = 1000;

  runtime::LeaderElectionConfig Election(std::string identity) const;
};

inline constexpr std::string_view kLogLevels[] = {"debug", "info", "warning", "error"};
inline constexpr std::string_view kLogFormats[] = {"text", "json"};
// What this build can do; a build without cpprestsdk refuses it by name.
std::vector<std::string_view> Transports();

log::Level LogLevelOf(std::string_view name);
log::Format LogFormatOf(std::string_view name);

struct ConfigProblem {
  std::string path;  // of the key that is best changed: "leaderElection.renewDeadline"
  std::string message;
};
// What single values cannot say about themselves: how they fit together.
std::vector<ConfigProblem> CheckConfig(const Config& config);

}  // namespace kr::cmd
