#include "cmd/kube-remedy/config_fields.h"

namespace kr::cmd {
namespace {

constexpr absl::Duration kNone = absl::ZeroDuration();
// Shorter intervals than this only make work.
constexpr absl::Duration kShort = absl::Milliseconds(10);

void VisitElection(ConfigVisitor& v, Config& c) {
  v.Section("leaderElection", [&] {
    v.Flag("enabled", c.elect_leader);
    v.Text("namespace", c.lease.name_space);
    v.Text("name", c.lease.name);
    v.Duration("leaseDuration", c.lease_duration, absl::Seconds(1));
    v.Duration("renewDeadline", c.renew_deadline, kShort);
    v.Duration("retryPeriod", c.retry_period, kShort);
  });
}

void VisitLimits(ConfigVisitor& v, limits::Settings& limits) {
  v.Section("limits", [&] {
    v.Duration("breakerCalm", limits.breaker_calm, kNone);
    v.Duration("relapse", limits.relapse, kNone);
    v.Duration("revertWindow", limits.revert_window, kNone);
    v.Duration("maxCooldown", limits.max_cooldown, kNone);
    v.Duration("secondLook", limits.second_look, kShort);
    v.Duration("secondLookMax", limits.second_look_max, kShort);
    v.Duration("aging", limits.aging, absl::Seconds(1));
    v.Texts("exemptFromNodeBudget", limits.exempt_from_node_budget);
    v.Text("medik8sLeases", limits.medik8s_leases);
  });
}

void VisitTiming(ConfigVisitor& v, Config& c) {
  v.Section("timing", [&] {
    v.Duration("writeTimeout", c.write_timeout, kShort, c.lease_duration / 3);
    v.Duration("retryInitial", c.retry_initial, kShort);
    v.Duration("retryMax", c.retry_max, kShort);
    v.Duration("recheck", c.recheck, kShort);
    v.Duration("statusInterval", c.status_interval, kNone);
    v.Duration("progressInterval", c.progress_interval, kNone);
    v.Duration("approvalExpiry", c.approval_expiry, kShort);
    v.Duration("pruneInterval", c.prune_interval, kShort);
    v.Duration("gracePeriod", c.grace_period, kNone);
  });
}

void VisitWatches(ConfigVisitor& v, Config& c) {
  v.Section("watches", [&] {
    v.Duration("staleAfter", c.stale_after, kNone);
    v.Duration("settle", c.settle, kNone);
    v.Duration("shrinkInterval", c.shrink_interval, kNone);
    v.Duration("minDuration", c.min_watch, absl::Seconds(1));
    v.Duration("maxDuration", c.max_watch, absl::Seconds(1));
    v.Duration("backoffInitial", c.backoff_initial, kShort);
    v.Duration("backoffMax", c.backoff_max, kShort);
    v.Bytes("maxBytes", c.max_cache_bytes, 0);
  });
}

void VisitAlerts(ConfigVisitor& v, Config& c) {
  v.Section("alerts", [&] {
    v.Text("listen", c.alerts_listen);
    v.Text("certFile", c.alerts_cert_file);
    v.Text("keyFile", c.alerts_key_file);
    v.Text("tokenFile", c.alerts_token_file);
    v.Duration("repeatedWithin", c.alerts_repeated_within, absl::Seconds(1));
  });
}

void VisitWebhooks(ConfigVisitor& v, Config& c) {
  v.Section("webhooks", [&] {
    v.Text("namespace", c.webhooks_namespace);
    v.Flag("allowHttp", c.webhooks_allow_http);
    v.Texts("allowNetworks", c.webhooks_allow_networks);
  });
}

void VisitNodeCommands(ConfigVisitor& v, Config& c) {
  v.Section("nodeCommands", [&] {
    v.Text("namespace", c.node_namespace);
    v.Text("image", c.node_image);
    v.Text("serviceAccount", c.node_service_account);
    v.Text("apiServer", c.node_api_server);
  });
}

}  // namespace

void VisitConfig(ConfigVisitor& v, Config& c) {
  v.Section("log", [&] {
    v.Choice("level", c.log_level, kLogLevels);
    v.Choice("format", c.log_format, kLogFormats);
  });
  v.Text("listen", c.listen);
  v.Flag("paused", c.paused);
  v.Choice("transport", c.transport, Transports());
  v.Count("workers", c.workers, 2, 256);
  VisitElection(v, c);
  VisitLimits(v, c.limits);
  VisitTiming(v, c);
  VisitWatches(v, c);
  VisitAlerts(v, c);
  VisitWebhooks(v, c);
  VisitNodeCommands(v, c);
  v.Section("queues", [&] {
    v.Bytes("engine", c.engine_queue_bytes, size_t{64} << 10);
    v.Count("events", c.event_queue, 1, 1'000'000);
  });
}

}  // namespace kr::cmd
