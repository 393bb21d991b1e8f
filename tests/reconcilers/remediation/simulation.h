#pragma once

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "controller/cache/flow_control.h"
#include "controller/runtime/engine.h"
#include "controller/runtime/engine_inbox.h"
#include "controller/runtime/metrics.h"
#include "reconcilers/remediation/controller.h"
#include "tests/reconcilers/remediation/fake_api.h"
#include "tests/reconcilers/remediation/fake_outbound.h"
#include "tests/support/fake_api_server.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_stream_transport.h"

namespace kr::remediation {

// A cluster, its time and the whole controller in one thread: deterministic, so that a crash can be
// put between any two writes. Plays calico's part as the demo does.
class Simulation {
 public:
  Simulation();
  ~Simulation();

  // The controller as a process: kill -9 is Crash, Start is the next one.
  void Start();
  void Crash();
  void Restart() {
    Crash();
    Start();
  }

  // Until nothing more happens at this time; then `duration` passes.
  void Run();
  void Advance(absl::Duration duration);

  // The cluster.
  void Policy(const nlohmann::json& spec, const std::string& name = "policy");
  void DaemonSet(const std::string& name, const std::string& name_space = "net");
  void Pod(const std::string& name, const std::string& owner,
           const std::string& name_space = "net");
  void Event(const std::string& pod, const std::string& name, int count = 1,
             absl::Duration age = absl::ZeroDuration(), const std::string& name_space = "net");
  // The DaemonSet controller's part: status says that all pods run the newest template.
  void RollOut(const std::string& name, const std::string& name_space = "net");
  // Alertmanager tells the controller.
  void Hear(const std::vector<signals::Alert>& alerts);
  // Somebody with kubectl changes an object.
  void Edit(const std::string& plural, const std::string& key, const nlohmann::json& merge_patch,
            const std::string& manager = "kubectl");

  nlohmann::json Get(const std::string& plural, const std::string& key) const;
  // The value of FELIX_HEALTHHOST; "" when it is not set.
  std::string HealthHost(const std::string& name, const std::string& name_space = "net") const;
  std::vector<nlohmann::json> Remediations() const;
  // status.phase of the only Remediation; "" when there is none, "many" when there are several.
  std::string Phase() const;
  std::string Reason() const;
  // Writes that changed a DaemonSet.
  size_t Patches() const;
  nlohmann::json PolicyStatus(const std::string& name = "policy") const;
  // status.waiting of the policy as "reason: message" lines.
  std::string Waiting(const std::string& name = "policy") const;

  testing::FakeClock clock;
  SeededRandom random{7};
  testing::FakeStreamTransport transport{clock};
  testing::FakeApiServer server{transport, random};
  FakeApi api;
  FakeOutbound outbound;
  // As at /metrics, over all processes.
  runtime::Metrics metrics{"kube_remedy"};
  const RemedyMetrics remedy_metrics = RemedyMetrics::Register(metrics);
  // The value of a series, "time_to_act_seconds_count" or "steps_total{action=...}"; -1: no such.
  double Metric(const std::string& series) const;
  std::vector<std::string> told;  // "Reason: note" of Events on targets
  Controller::Options options;
  int64_t next_term = 0;        // leaseTransitions of the next Start
  bool watches_silent = false;  // the caches hear nothing new, requests are answered

 private:
  struct Process;
  std::unique_ptr<Process> process_;
};

// The flagship policy in the namespace "net", with short times. `patch` is merged into the spec.
nlohmann::json FelixSpec(const nlohmann::json& patch = nlohmann::json::object());
// Sick by the annotation `sick`, so that the tests decide when it begins and ends.
nlohmann::json AnnotatedSpec(const nlohmann::json& patch = nlohmann::json::object());

}  // namespace kr::remediation
