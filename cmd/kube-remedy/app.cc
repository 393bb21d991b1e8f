#include "cmd/kube-remedy/app.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "cmd/common/identity.h"
#include "cmd/common/version.h"
#include "cmd/kube-remedy/transport.h"
#include "controller/base/log.h"
#include "controller/base/random.h"
#include "controller/cache/flow_control.h"
#include "controller/document/decoder.h"
#include "controller/kube/beast_transport.h"
#include "controller/kube/client.h"
#include "controller/kube/credentials.h"
#include "controller/kube/outbound.h"
#include "controller/runtime/dispatcher.h"
#include "controller/runtime/engine.h"
#include "controller/runtime/engine_inbox.h"
#include "controller/runtime/event_recorder.h"
#include "controller/runtime/health_checks.h"
#include "controller/runtime/health_server.h"
#include "controller/runtime/leader_election.h"
#include "controller/runtime/manager.h"
#include "controller/runtime/metrics.h"
#include "controller/runtime/outbound_sender.h"
#include "controller/runtime/process.h"
#include "controller/runtime/runtime_metrics.h"
#include "controller/runtime/webhook_server.h"
#include "controller/runtime/write_permit.h"
#include "reconcilers/remediation/controller.h"
#include "reconcilers/remediation/metrics.h"
#include "reconcilers/signals/alertmanager.h"

namespace kr::cmd {
namespace {

using Stopping = runtime::Manager::Stopping;

// An engine that has not come round for so long hangs, and the kubelet should restart the process.
constexpr absl::Duration kEngineMaxAge = absl::Seconds(30);
// Events are best effort: the end of the process does not wait longer for them.
constexpr absl::Duration kFlushTime = absl::Seconds(5);
constexpr absl::Duration kFlushPoll = absl::Milliseconds(20);
// How often readiness is looked at, which only the engine thread can do: closely at the start.
constexpr absl::Duration kReadyPoll = absl::Milliseconds(100);
constexpr absl::Duration kSyncedPoll = absl::Seconds(1);
constexpr std::string_view kAlertsPath = "/api/v1/alerts";

SeededRandom NewRandom() {
  return SeededRandom(std::random_device()());
}

// What the pod's manifest says about where it runs; "" outside of a pod.
std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

remediation::Controller::Options ControllerOptions(const Config& config) {
  remediation::Controller::Options options;
  options.watches.informers.settle = config.settle;
  options.watches.informers.min_shrink_interval = config.shrink_interval;
  options.watches.informers.watch.min_watch = config.min_watch;
  options.watches.informers.watch.max_watch = config.max_watch;
  options.watches.informers.watch.backoff.initial = config.backoff_initial;
  options.watches.informers.watch.backoff.max = config.backoff_max;
  options.watches.stale_after = config.stale_after;
  options.watches.memory.max_bytes = config.max_cache_bytes > 0
                                         ? config.max_cache_bytes
                                         : runtime::ContainerMemoryLimit().value_or(0) / 2;
  options.timing = {.write_timeout = config.write_timeout,
                    .recheck = config.recheck,
                    .retry_initial = config.retry_initial,
                    .retry_max = config.retry_max,
                    .progress = config.progress_interval,
                    .approval = config.approval_expiry};
  options.limits = config.limits;
  options.limits.own_namespace = FromEnvironment("POD_NAMESPACE");
  options.limits.own_node = FromEnvironment("NODE_NAME");
  options.webhooks = {.name_space = config.webhooks_namespace.empty() ? options.limits.own_namespace
                                                                      : config.webhooks_namespace,
                      .allow_http = config.webhooks_allow_http,
                      .read_timeout = config.write_timeout};
  options.preflight.enabled = true;
  options.node_jobs = {.name_space = config.node_namespace,
                       .image = config.node_image,
                       .service_account = config.node_service_account,
                       .api_server = config.node_api_server,
                       .own_pod = {options.limits.own_namespace, FromEnvironment("POD_NAME")}};
  options.report = {.interval = config.status_interval, .write_timeout = config.write_timeout};
  options.prune_interval = config.prune_interval;
  options.paused = config.paused;
  if (!config.alerts_listen.empty()) {
    options.alerts_repeated_within = config.alerts_repeated_within;
  }
  return options;
}

std::string Url(const kube::ServerAddress& server) {
  return (server.tls ? "https://" : "http://") + server.HostHeader() + server.base_path;
}

// The parts, in the order in which they are built.
class App {
 public:
  App(const Config& config, const kube::ClusterConfig& cluster,
      const TransportMaker& make_transport, Clock& clock)
      : config_(config),
        clock_(clock),
        identity_(NewIdentity()),
        runtime_metrics_(metrics_),
        remedy_metrics_(remediation::RemedyMetrics::Register(metrics_)),
        credentials_(cluster, clock),
        streams_(kube::MakeBeastStreamTransport(credentials_)),
        transport_(make_transport(credentials_, clock)),
        client_(kube::MakeClient(*transport_, clock)),
        election_transport_(kube::MakeBeastTransport(credentials_, clock)),
        election_client_(kube::MakeClient(*election_transport_, clock)),
        permit_({.lease_duration = config.lease_duration, .write_timeout = config.write_timeout}),
        engine_(clock, runtime_metrics_.engine, {.queue_limit_bytes = config.engine_queue_bytes}),
        inbox_(engine_),
        flow_(inbox_, *streams_),
        dispatcher_(*client_, permit_, clock, engine_, runtime_metrics_.request,
                    {.workers = config.workers}),
        // That the networks can be read was checked with the configuration.
        outbound_caller_(kube::MakeOutboundCaller(
            *kube::AddressFilter::Make(config.webhooks_allow_networks), clock)),
        outbound_(*outbound_caller_, permit_, clock, engine_, {.permit_for = config.write_timeout}),
        manager_(clock, {.grace_period = config.grace_period}) {
    runtime::AddProcessMetrics(metrics_);
    healthz_.Add("engine", runtime::EngineAlive(engine_, clock_, kEngineMaxAge));
    readyz_.Add("manager", manager_.Ready());
    readyz_.Add("own-kinds", [this] {
      return synced_ ? OkStatus() : Unavailable("policies and remediations are not listed yet");
    });
  }

  Status Run(std::stop_token stop) {
    // Stopped in reverse: see Manager.
    manager_.Add({"health server", [this] { return StartHealthServer(); },
                  [this](const Stopping&) { return StopHealthServer(); }});
    manager_.Add({"engine", [this] { return StartEngine(); },
                  [this](const Stopping&) { return StopEngine(); }});
    manager_.Add({"alert receiver", [this] { return StartAlerts(); },
                  [this](const Stopping&) { return StopAlerts(); }});
    manager_.Add({"leadership", [this] { return StartLeading(); },
                  [this](const Stopping& stopping) { return StopLeading(stopping); }});
    manager_.Add(
        {"events", {}, [this](const Stopping& stopping) { return FlushEvents(stopping); }});
    manager_.Add(
        {"requests", {}, [this](const Stopping& stopping) { return AwaitRequests(stopping); }});
    manager_.Add({"work", {}, [this](const Stopping& stopping) { return StopWork(stopping); }});

    log::Info("Started", {{"version", Version()},
                          {"identity", identity_},
                          {"server", Url(credentials_.cluster().server)},
                          {"credentials", credentials_.cluster().origin}});
    const Status status = manager_.Run(std::move(stop));
    if (status.ok()) {
      log::Info("Stopped");
    } else {
      log::Error("Ended", {{"error", Message(status)}});
    }
    return status;
  }

 private:
  Status StartHealthServer() {
    runtime::HealthServer::Options options;
    KR_ASSIGN_OR_RETURN(options.address, runtime::ParseListenAddress(config_.listen));
    KR_ASSIGN_OR_RETURN(health_,
                        runtime::HealthServer::Start(options, healthz_, readyz_, metrics_));
    log::Info("Serving health and metrics",
              {{"host", options.address.host}, {"port", std::to_string(health_->port())}});
    return OkStatus();
  }

  Status StopHealthServer() {
    health_.reset();
    return OkStatus();
  }

  Status StartAlerts() {
    if (config_.alerts_listen.empty()) return OkStatus();
    runtime::WebhookServer::Options options{.path = std::string(kAlertsPath),
                                            .cert_file = config_.alerts_cert_file,
                                            .key_file = config_.alerts_key_file,
                                            .token_file = config_.alerts_token_file};
    KR_ASSIGN_OR_RETURN(options.address, runtime::ParseListenAddress(config_.alerts_listen));
    auto started = runtime::WebhookServer::Start(
        std::move(options), [this](std::string_view body) { return OnAlerts(body); });
    if (!started.ok()) return Annotate(started.status(), "alerts");
    alerts_ = *std::move(started);
    log::Info("Receiving alerts", {{"port", std::to_string(alerts_->port())}});
    return OkStatus();
  }

  Status StopAlerts() {
    alerts_.reset();
    return OkStatus();
  }

  // The server's thread.
  runtime::WebhookServer::Answer OnAlerts(std::string_view body) {
    // Alertmanager tries again, and the Service sends it to another replica in time.
    if (!leads_) return {503, "this replica does not lead; try again, the leader will answer"};
    auto message = signals::ParseAlertmanager(body);
    if (!message.ok()) {
      log::Warning("Refused a notification of Alertmanager",
                   {{"error", Message(message.status())}});
      return {400, std::string(Message(message.status()))};
    }
    if (message->left_out > 0) {
      log::Warning("Alertmanager left alerts out, raise max_alerts of its webhook",
                   {{"alerts", std::to_string(message->left_out)}});
    }
    const size_t count = message->alerts.size();
    engine_.Post(body.size(),
                 [this, alerts = std::move(message->alerts)] { controller_->OnAlerts(alerts); });
    return {200, std::to_string(count) + " alerts taken in"};
  }

  // Everything that touches documents is made before the engine's thread begins and goes after it
  // has ended.
  Status StartEngine() {
    recorder_ = std::make_unique<runtime::EventRecorder>(
        runtime::EventSource{.controller = "kube-remedy.io/controller", .instance = HostName()},
        dispatcher_, engine_, engine_random_, runtime_metrics_.event,
        runtime::EventRecorder::Options{.max_queued = config_.event_queue});
    controller_ = std::make_unique<remediation::Controller>(
        ControllerOptions(config_), engine_, dispatcher_, outbound_,
        cache::WatchContext{*streams_, flow_, clock_, engine_random_, decoder_,
                            &runtime_metrics_.watch},
        *recorder_, remedy_metrics_);
    PollReady();
    engine_thread_ = std::jthread([this](std::stop_token stop) { engine_.Run(std::move(stop)); });
    return OkStatus();
  }

  Status StopEngine() {
    outbound_.Stop();
    dispatcher_.Stop();
    engine_thread_.request_stop();
    engine_thread_.join();
    controller_.reset();
    recorder_.reset();
    streams_.reset();
    return OkStatus();
  }

  void PollReady() {
    synced_ = controller_->ready();
    leads_ = controller_->leading();
    engine_.After(synced_ ? kSyncedPoll : kReadyPoll, [this] { PollReady(); });
  }

  Status StartLeading() {
    if (!config_.elect_leader) {
      const runtime::WritePermit::Term term{.holder = identity_};
      permit_.Begin(term, MonotonicTime::InfiniteFuture(), clock_.Monotonic());
      log::Warning("Leads without election; no second process may run", {});
      Lead(term);
      return OkStatus();
    }
    election_ = std::make_unique<runtime::LeaderElection>(
        config_.Election(identity_), *election_client_, permit_, clock_, election_random_,
        runtime_metrics_.leader,
        runtime::LeaderElection::Callbacks{
            .on_started = [this](const runtime::WritePermit::Term& term) { Lead(term); },
            .on_lost =
                [this](std::string_view why) {
                  manager_.Fail(Aborted("the leader lease was lost: " + std::string(why)));
                }});
    return election_->Start();
  }

  // Any thread.
  void Lead(const runtime::WritePermit::Term& term) {
    engine_.Post(0, [this, holder = term.holder, transitions = term.lease_transitions] {
      controller_->Lead({.holder = holder, .lease_transitions = transitions});
    });
  }

  Status StopLeading(const Stopping& stopping) {
    if (election_ != nullptr) election_->Stop(/*release=*/stopping.clean);
    permit_.End();
    return OkStatus();
  }

  Status StopWork(const Stopping& stopping) {
    auto stopped = std::make_shared<std::promise<void>>();
    engine_.Post(0, [this, stopped] {
      controller_->StopLeading();
      stopped->set_value();
    });
    return Await(stopped->get_future(), Left(stopping), "the engine hangs");
  }

  Status AwaitRequests(const Stopping& stopping) {
    if (dispatcher_.WaitIdle(Left(stopping))) return OkStatus();
    return DeadlineExceeded("requests are still under way");
  }

  // Nothing depends on them, so that lost ones do not make the stop an unclean one.
  Status FlushEvents(const Stopping& stopping) {
    auto flushed = std::make_shared<std::promise<void>>();
    engine_.Post(0, [this, flushed] { WhenFlushed(flushed); });
    const Status status = Await(flushed->get_future(), std::min(kFlushTime, Left(stopping)),
                                "some events were not written");
    if (!status.ok()) log::Warning("Events were lost", {{"why", Message(status)}});
    return OkStatus();
  }

  void WhenFlushed(const std::shared_ptr<std::promise<void>>& flushed) {
    if (recorder_->idle()) return flushed->set_value();
    engine_.After(kFlushPoll, [this, flushed] { WhenFlushed(flushed); });
  }

  absl::Duration Left(const Stopping& stopping) const {
    return std::max(stopping.deadline - clock_.Monotonic(), absl::ZeroDuration());
  }

  static Status Await(std::future<void> event, absl::Duration timeout, std::string_view why) {
    if (event.wait_for(absl::ToChronoNanoseconds(timeout)) == std::future_status::ready) {
      return OkStatus();
    }
    return DeadlineExceeded(why);
  }

  const Config config_;
  Clock& clock_;
  const std::string identity_;
  runtime::Metrics metrics_{"kube_remedy"};
  runtime::RuntimeMetrics runtime_metrics_;
  const remediation::RemedyMetrics remedy_metrics_;
  SeededRandom engine_random_ = NewRandom();    // engine thread
  SeededRandom election_random_ = NewRandom();  // election thread

  kube::Credentials credentials_;
  std::unique_ptr<kube::StreamTransport> streams_;
  std::unique_ptr<kube::Transport> transport_;
  std::unique_ptr<kube::Client> client_;
  std::unique_ptr<kube::Transport> election_transport_;  // renewals queue behind nothing else
  std::unique_ptr<kube::Client> election_client_;

  runtime::WritePermit permit_;
  document::Decoder decoder_;
  runtime::Engine engine_;
  runtime::EngineInbox inbox_;
  cache::FlowControl flow_;
  runtime::Dispatcher dispatcher_;
  std::unique_ptr<kube::OutboundCaller> outbound_caller_;
  runtime::OutboundWorkers outbound_;
  runtime::Manager manager_;
  runtime::HealthChecks healthz_{"healthz"};
  runtime::HealthChecks readyz_{"readyz"};

  // Made when their part starts.
  std::atomic<bool> synced_ = false;
  std::atomic<bool> leads_ = false;  // and knows what there is
  std::unique_ptr<runtime::EventRecorder> recorder_;
  std::unique_ptr<remediation::Controller> controller_;
  std::jthread engine_thread_;
  std::unique_ptr<runtime::LeaderElection> election_;
  std::unique_ptr<runtime::HealthServer> health_;
  std::unique_ptr<runtime::WebhookServer> alerts_;
};

}  // namespace

Status RunController(const Config& config, const kube::ClusterConfig& cluster, Clock& clock,
                     std::stop_token stop) {
  const auto make_transport = FindTransport(config.transport);
  if (!make_transport.ok()) {
    log::Error("Ended", {{"error", Message(make_transport.status())}});
    return make_transport.status();
  }
  return App(config, cluster, *make_transport, clock).Run(std::move(stop));
}

}  // namespace kr::cmd
