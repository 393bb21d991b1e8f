#include "tests/reconcilers/remediation/simulation.h"

#include <utility>

#include "crds/meta/time.h"
#include "tests/reconcilers/actions/fake_object.h"

namespace kr::remediation {
namespace {

using nlohmann::json;

class Teller final : public runtime::EventSink {
 public:
  explicit Teller(std::vector<std::string>& told) : told_(told) {}
  void Record(const runtime::Event& event) override {
    if (event.regarding.kind != "Remediation") told_.push_back(event.reason + ": " + event.note);
  }

 private:
  std::vector<std::string>& told_;
};

}  // namespace

struct Simulation::Process {
  explicit Process(Simulation& s)
      : engine(s.clock),
        inbox(engine),
        flow(inbox, s.transport),
        teller(s.told),
        controller(s.options, engine, s.api, s.outbound,
                   cache::WatchContext{s.transport, flow, s.clock, s.random, decoder}, teller,
                   s.remedy_metrics) {}
  runtime::Engine engine;
  runtime::EngineInbox inbox;
  cache::FlowControl flow;
  document::Decoder decoder;
  Teller teller;
  Controller controller;
};

Simulation::Simulation() : api(server) {}

Simulation::~Simulation() {
  Crash();
}

void Simulation::Start() {
  options.watches.informers.settle = absl::Milliseconds(10);
  options.timing.progress = absl::Milliseconds(100);
  options.report.interval = absl::Milliseconds(100);
  options.webhooks.name_space = "kube-remedy";
  process_ = std::make_unique<Process>(*this);
  api.Attach(process_->engine);
  outbound.Attach(process_->engine);
  process_->controller.Lead({"sim-" + std::to_string(next_term), next_term});
  ++next_term;
  Run();
  Advance(absl::Milliseconds(50));
}

void Simulation::Crash() {
  process_.reset();
  transport.DropTasks();
}

void Simulation::Run() {
  bool busy = true;
  while (busy) {
    const size_t opened = transport.opened();
    busy = transport.RunDue();
    if (!watches_silent) server.Serve();
    if (process_ && process_->engine.RunUntilIdle() > 0) busy = true;
    busy = busy || transport.opened() != opened;
  }
}

void Simulation::Advance(absl::Duration duration) {
  Run();
  while (duration > absl::ZeroDuration()) {
    absl::Duration step = std::min(duration, transport.NextDue().value_or(duration));
    if (process_) {
      if (const auto timer = process_->engine.NextTimer()) {
        step = std::min(step, *timer - clock.Monotonic());
      }
    }
    step = std::max(step, absl::Microseconds(1));
    clock.Advance(step);
    duration -= step;
    Run();
  }
}

double Simulation::Metric(const std::string& series) const {
  const std::string text = "\n" + metrics.Serialize();
  const std::string line = "\nkube_remedy_" + series + " ";
  const size_t at = text.find(line);
  return at == std::string::npos ? -1 : std::stod(text.substr(at + line.size()));
}

void Simulation::Policy(const json& spec, const std::string& name) {
  const json old = Get("remediationpolicies", "/" + name);
  json policy = {{"apiVersion", "kube-remedy.io/v1alpha1"},
                 {"kind", "RemediationPolicy"},
                 {"metadata", {{"name", name}, {"generation", 1}}},
                 {"spec", spec}};
  if (!old.is_null()) {
    policy["metadata"]["generation"] = old["metadata"]["generation"].get<int>() + 1;
    if (old.contains("status")) policy["status"] = old["status"];
  }
  server.Put("remediationpolicies", policy);
  Advance(absl::Milliseconds(50));
}

void Simulation::DaemonSet(const std::string& name, const std::string& name_space) {
  server.Put(
      "daemonsets",
      {{"metadata",
        {{"namespace", name_space},
         {"name", name},
         {"generation", 1},
         {"labels", {{"app", name}}}}},
       {"spec",
        {{"selector", {{"matchLabels", {{"app", name}}}}},
         {"template",
          {{"spec",
            {{"containers",
              {{{"name", "calico-node"}, {"env", {{{"name", "OTHER"}, {"value", "x"}}}}}}}}}}}}}});
  RollOut(name, name_space);
}

void Simulation::Pod(const std::string& name, const std::string& owner,
                     const std::string& name_space) {
  const json set = Get("daemonsets", name_space + "/" + owner);
  server.Put("pods", {{"metadata",
                       {{"namespace", name_space},
                        {"name", name},
                        {"ownerReferences",
                         {{{"kind", "DaemonSet"},
                           {"name", owner},
                           {"uid", set["metadata"]["uid"]},
                           {"controller", true}}}}}},
                      {"spec", {{"nodeName", "node-1"}}}});
}

void Simulation::Event(const std::string& pod, const std::string& name, int count,
                       absl::Duration age, const std::string& name_space) {
  const std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", clock.Now() - age, absl::UTCTimeZone());
  const json about = Get("pods", name_space + "/" + pod);
  server.Put("events", {{"metadata",
                         {{"namespace", name_space}, {"name", name}, {"creationTimestamp", time}}},
                        {"involvedObject",
                         {{"kind", "Pod"},
                          {"namespace", name_space},
                          {"name", pod},
                          {"uid", about["metadata"]["uid"]}}},
                        {"type", "Warning"},
                        {"reason", "Unhealthy"},
                        {"message", "dial tcp: lookup localhost on 8.8.8.8:53: no such host"},
                        {"firstTimestamp", time},
                        {"lastTimestamp", time},
                        {"count", count}});
}

void Simulation::RollOut(const std::string& name, const std::string& name_space) {
  json set = Get("daemonsets", name_space + "/" + name);
  set["status"] = {{"observedGeneration", set["metadata"]["generation"]},
                   {"desiredNumberScheduled", 1},
                   {"updatedNumberScheduled", 1},
                   {"numberAvailable", 1}};
  server.Put("daemonsets", set);
}

void Simulation::Hear(const std::vector<signals::Alert>& alerts) {
  process_->controller.OnAlerts(alerts);
}

void Simulation::Edit(const std::string& plural, const std::string& key, const json& merge_patch,
                      const std::string& manager) {
  json object = Get(plural, key);
  actions::ApplyMerge(object, merge_patch);
  object["metadata"]["generation"] = object["metadata"].value("generation", 1) + 1;
  object["metadata"]["managedFields"] = {
      {{"manager", "kube-remedy"}, {"operation", "Update"}, {"time", "2026-01-01T00:00:00Z"}},
      {{"manager", manager}, {"operation", "Update"}, {"time", "2026-01-02T00:00:00Z"}}};
  server.Put(plural, object);
}

json Simulation::Get(const std::string& plural, const std::string& key) const {
  const json* found = server.Find(plural, key);
  return found == nullptr ? json() : *found;
}

std::string Simulation::HealthHost(const std::string& name, const std::string& name_space) const {
  const json set = Get("daemonsets", name_space + "/" + name);
  for (const json& entry : set["spec"]["template"]["spec"]["containers"][0]["env"]) {
    if (entry["name"] == "FELIX_HEALTHHOST") return entry.value("value", "");
  }
  return "";
}

std::vector<json> Simulation::Remediations() const {
  std::vector<json> all;
  for (auto& [key, object] : server.Objects("remediations")) all.push_back(object);
  return all;
}

std::string Simulation::Phase() const {
  const std::vector<json> all = Remediations();
  if (all.empty()) return "";
  if (all.size() > 1) return "many";
  return all[0].contains("status") ? all[0]["status"].value("phase", "") : "new";
}

std::string Simulation::Reason() const {
  const std::vector<json> all = Remediations();
  return all.empty() || !all.back().contains("status") ? ""
                                                       : all.back()["status"].value("reason", "");
}

size_t Simulation::Patches() const {
  size_t patches = 0;
  for (const FakeApi::Request& write : api.writes()) {
    patches += write.changed && write.target.find("/daemonsets/") != std::string::npos ? 1 : 0;
  }
  return patches;
}

json Simulation::PolicyStatus(const std::string& name) const {
  const json policy = Get("remediationpolicies", "/" + name);
  return policy.contains("status") ? policy["status"] : json::object();
}

std::string Simulation::Waiting(const std::string& name) const {
  std::string lines;
  const json status = PolicyStatus(name);
  if (!status.contains("waiting")) return lines;
  for (const json& waiting : status["waiting"]) {
    lines += waiting.value("reason", "") + ": " + waiting.value("message", "") + "\n";
  }
  return lines;
}

json FelixSpec(const json& patch) {
  json spec = json::parse(R"JSON({
    "target": {"apiVersion": "apps/v1", "kind": "DaemonSet", "namespaces": ["net"]},
    "related": [{"name": "pods", "preset": "OwnedPods"}],
    "events": [{"name": "probes", "about": {"related": "pods"}, "type": "Warning",
                "reason": "^Unhealthy$", "message": "lookup localhost.*no such host", "within": "15m"}],
    "triggers": [{"name": "probe", "events": {"from": "probes", "count": 3}, "match": [
      {"name": "not-set", "expression":
       "!object.spec.template.spec.containers.exists(c, c.?env.orValue([]).exists(e, e.name == 'FELIX_HEALTHHOST' && e.?value.orValue('') == '127.0.0.1'))"}]
}],
    "remedies": [{"name": "set", "steps": [
        {"setEnv": {"container": "calico-node", "env": [{"name": "FELIX_HEALTHHOST", "value": "127.0.0.1"}]}},
        {"waitFor": {"expression": "object.status.observedGeneration == object.metadata.generation", "timeout": "30m"}}],
      "verify": [{"name": "quiet", "expression": "events.probes.all(e, e.last < remediation.rungFinishedAt)"}],
      "cureWithin": "20m"}],
    "recovery": {"stableFor": "2m"},
    "limits": {
  "maxConcurrent" : 5, "maxUnhealthy" : "50%"
}
})JSON");
  actions::ApplyMerge(spec, patch);
  return spec;
}

json AnnotatedSpec(const json& patch) {
  json spec = FelixSpec(
      {{"events", nullptr},
       {"related", nullptr},
       {"triggers",
        {{{"name", "annotated"},
          {"for", "5s"},
          {"match",
           {{{"name", "m"}, {"expression", "object.metadata.?annotations['sick'].hasValue()"}}}}}}},
       {"remedies",
        {{{"name", "set"},
          {"steps",
           {{{"setEnv",
              {{"container", "calico-node"},
               {"env", {{{"name", "FELIX_HEALTHHOST"}, {"value", "127.0.0.1"}}}}}}}}},
          {"verify", {{{"name", "v"}, {"expression", "true"}}}},
          {"cureWithin", "10m"}}}},
       {"recovery", {{"stableFor", "5s"}, {"healthy", {{{"name", "h"}, {"expression", "true"}}}}}},
       {"limits", {{"maxUnhealthy", "20%"}, {"maxConcurrent", 2}, {"cooldown", "10m"}}}});
  spec.merge_patch(patch);
  return spec;
}

}  // namespace kr::remediation
