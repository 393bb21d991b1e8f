#include "tests/reconcilers/remediation/workloads.h"

#include <algorithm>

#include "tests/reconcilers/actions/fake_object.h"

namespace kr::remediation {
namespace {

using nlohmann::json;

constexpr char kSpace[] = "shop";
constexpr char kOperatedKind[] = "StrimziPodSet";

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

bool IsReady(const json& pod) {
  return !pod["metadata"].contains("deletionTimestamp") && pod.contains("status") &&
         pod["status"]["conditions"][0]["status"] == "True";
}

}  // namespace

Workloads::Workloads() {
  options.limits.exempt_from_node_budget = {"policy"};
  api.kinds["/apis/policy/v1"] = {{"poddisruptionbudgets", "PodDisruptionBudget"}};
  api.evict = [this](const std::string& key) {
    json pod = Get("pods", key);
    const std::string uid = pod["metadata"]["uid"];
    ++evictions[uid];
    evicted.push_back(pod["metadata"]["name"]);
    pod["metadata"]["deletionTimestamp"] = TimeText(clock.Now() + ends_after);
    since_[uid] = clock.Now();
    server.Put("pods", pod);
    // As the server does it: the budget is used up before anybody counts anew.
    const auto owner = owners_.find(pod["metadata"]["labels"]["app"]);
    CountPods();
    if (owner != owners_.end()) UpdateStatus(owner->second);
  };
  api.block_eviction = [this](const std::string& name) -> std::string {
    for (const auto& [key, pod] : server.Objects("pods")) {
      if (pod["metadata"]["name"] != name) continue;
      const json budget =
          Get("poddisruptionbudgets",
              std::string(kSpace) + "/" + pod["metadata"]["labels"]["app"].get<std::string>());
      if (budget.is_null() || budget["status"]["disruptionsAllowed"] > 0) return "";
      if (pod["status"].value("phase", "") == "Pending") return "";  // as the server does
      return "The disruption budget needs more healthy pods";
    }
    return "";
  };
}

void Workloads::Node(const std::string& name, bool cordoned) {
  server.Put("nodes",
             {{"metadata", {{"name", name}, {"labels", {{"kubernetes.io/hostname", name}}}}},
              {"spec", {{"unschedulable", cordoned}}},
              {"status",
               {{"allocatable", {{"cpu", "16"}, {"memory", "64Gi"}, {"pods", "110"}}},
                {"nodeInfo", {{"bootID", "boot-1"}}},
                {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
}

void Workloads::Sick(const std::string& node, bool sick) {
  Edit("nodes", "/" + node,
       {{"metadata", {{"annotations", {{"sick", sick ? json("yes") : json()}}}}}});
}

void Workloads::Cordon(const std::string& node, bool cordoned) {
  Edit("nodes", "/" + node, {{"spec", {{"unschedulable", cordoned}}}});
}

void Workloads::Ready(const std::string& node, bool ready) {
  Edit("nodes", "/" + node,
       {{"status",
         {{"conditions", {{{"type", "Ready"}, {"status", ready ? "True" : "Unknown"}}}}}}});
}

void Workloads::HostGoesDown(const std::string& node) {
  Ready(node, false);
  for (const auto& [key, pod] : server.Objects("pods")) {
    if (pod["spec"].value("nodeName", "") != node) continue;
    json ended = pod;
    ended["status"]["conditions"][0]["status"] = "False";
    server.Put("pods", ended);
  }
}

void Workloads::HostIsUp(const std::string& node, const std::string& boot) {
  Edit("nodes", "/" + node, {{"status", {{"nodeInfo", {{"bootID", boot}}}}}});
  Ready(node, true);
}

json Workloads::MakePod(const Owner& owner, const std::string& name, const std::string& node) {
  const std::string uid = name + "-" + std::to_string(++counter_);
  since_[uid] = clock.Now();
  json pod = json::parse(R"({
    "metadata": {"namespace": "shop", "ownerReferences": [{"apiVersion": "apps/v1", "controller": true}]},
    "spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "100m"}}}]},
    "status": {"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}]}})");
  json& metadata = pod["metadata"];
  metadata["name"] = name;
  metadata["uid"] = uid;
  metadata["labels"] = {{"app", owner.name}};
  metadata["ownerReferences"][0]["kind"] = owner.kind;
  if (owner.kind == kOperatedKind) {
    metadata["ownerReferences"][0]["apiVersion"] = "core.strimzi.io/v1beta2";
  }
  metadata["ownerReferences"][0]["name"] = owner.name;
  metadata["ownerReferences"][0]["uid"] = owner.name + "-uid";
  pod["spec"]["nodeName"] = node;
  return pod;
}

void Workloads::ReplicaSet(const std::string& name, int replicas,
                           const std::vector<std::string>& on) {
  owners_[name] = {name, "ReplicaSet", replicas, true};
  for (int i = 0; i < replicas; ++i) {
    const std::string node = on.empty() ? Place() : on[static_cast<size_t>(i) % on.size()];
    server.Put("pods", MakePod(owners_[name], name + "-x" + std::to_string(counter_), node));
  }
  Scale(name, replicas);
}

void Workloads::Scale(const std::string& owner, int replicas) {
  owners_[owner].replicas = replicas;
  if (owners_[owner].kind != "ReplicaSet") return;
  server.Put("replicasets",
             {{"metadata", {{"namespace", kSpace}, {"name", owner}, {"uid", owner + "-uid"}}},
              {"spec", {{"replicas", replicas}}}});
}

void Workloads::Operated(const std::string& name, int replicas,
                         const std::vector<std::string>& on) {
  StatefulSet(name, replicas, /*parallel=*/true, on);
  owners_[name].kind = kOperatedKind;
  for (int i = 0; i < replicas; ++i) {
    const std::string pod = name + "-" + std::to_string(i);
    const json made = Get("pods", std::string(kSpace) + "/" + pod);
    server.Put("pods", MakePod(owners_[name], pod, made["spec"]["nodeName"]));
  }
}

void Workloads::StatefulSet(const std::string& name, int replicas, bool parallel,
                            const std::vector<std::string>& on) {
  owners_[name] = {name, "StatefulSet", replicas, parallel};
  for (int i = 0; i < replicas; ++i) {
    const std::string node = on.empty() ? Place() : on[static_cast<size_t>(i) % on.size()];
    server.Put("pods", MakePod(owners_[name], name + "-" + std::to_string(i), node));
  }
}

void Workloads::Budget(const std::string& of, int max_unavailable) {
  budgets_[of] = max_unavailable;
}

void Workloads::CountPods() {
  pods_.clear();
  for (const auto& [key, pod] : server.Objects("pods")) {
    pods_[pod["metadata"]["labels"]["app"]].push_back(pod);
  }
}

const std::vector<json>& Workloads::PodsOf(const Owner& owner) {
  return pods_[owner.name];
}

// The schedulable node with the fewest pods.
std::string Workloads::Place() const {
  std::map<std::string, int> load;
  for (const auto& [key, node] : server.Objects("nodes")) {
    const bool usable = !node["spec"].value("unschedulable", false) &&
                        node["status"]["conditions"][0]["status"] == "True";
    if (usable) load[node["metadata"]["name"]] = 0;
  }
  for (const auto& [key, pod] : server.Objects("pods")) {
    const auto on = load.find(pod["spec"].value("nodeName", ""));
    if (on != load.end()) ++on->second;
  }
  const auto least = std::min_element(
      load.begin(), load.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return least == load.end() ? "" : least->first;
}

void Workloads::UpdateStatus(const Owner& owner) {
  const std::vector<json>& pods = PodsOf(owner);
  const auto ready = std::count_if(pods.begin(), pods.end(), IsReady);
  if (owner.kind == "StatefulSet") {
    json set = {
        {"metadata",
         {{"namespace", kSpace},
          {"name", owner.name},
          {"uid", owner.name + "-uid"},
          {"generation", 1}}},
        {"spec",
         {{"replicas", owner.replicas}, {"selector", {{"matchLabels", {{"app", owner.name}}}}}}},
        {"status",
         {{"observedGeneration", 1},
          {"readyReplicas", ready},
          {"updatedReplicas", owner.replicas},
          {"currentRevision", "r1"},
          {"updateRevision", "r1"}}}};
    json before = Get("statefulsets", std::string(kSpace) + "/" + owner.name);
    if (!before.is_null()) before["metadata"].erase("resourceVersion");
    if (before != set) server.Put("statefulsets", set);
  }
  const auto budget = budgets_.find(owner.name);
  if (budget == budgets_.end()) return;
  const int64_t desired = owner.replicas - budget->second;
  json object = {{"metadata",
                  {{"namespace", kSpace},
                   {"name", owner.name},
                   {"uid", owner.name + "-budget"},
                   {"generation", 1}}},
                 {"spec",
                  {{"maxUnavailable", budget->second},
                   {"selector", {{"matchLabels", {{"app", owner.name}}}}}}},
                 {"status",
                  {{"observedGeneration", 1},
                   {"disruptionsAllowed", std::max<int64_t>(0, ready - desired)},
                   {"currentHealthy", ready},
                   {"desiredHealthy", desired},
                   {"expectedPods", owner.replicas}}}};
  json before = Get("poddisruptionbudgets", std::string(kSpace) + "/" + owner.name);
  if (!before.is_null()) before["metadata"].erase("resourceVersion");
  if (before != object) server.Put("poddisruptionbudgets", object);
}

void Workloads::Step() {
  const absl::Time now = clock.Now();
  for (const auto& [key, pod] : server.Objects("pods")) {
    const std::string uid = pod["metadata"]["uid"];
    const json node = Get("nodes", "/" + pod["spec"].value("nodeName", ""));
    const bool kubelet = !node.is_null() && node["status"]["conditions"][0]["status"] == "True";
    if (pod["metadata"].contains("deletionTimestamp")) {
      if (kubelet && since_[uid] + ends_after <= now) {
        server.Delete("pods", kSpace, pod["metadata"]["name"].get<std::string>());
      }
      continue;
    }
    if (IsReady(pod) || !kubelet || !pods_start || since_[uid] + ready_after > now) continue;
    json started = pod;
    started["status"] = {
        {"phase", "Running"},
        {"conditions",
         {{{"type", "Ready"}, {"status", "True"}, {"lastTransitionTime", TimeText(now)}}}}};
    server.Put("pods", started);
  }
  CountPods();
  for (const auto& [name, owner] : owners_) {
    const std::vector<json>& pods = PodsOf(owner);
    if (owner.kind == "ReplicaSet") {
      auto staying = std::count_if(pods.begin(), pods.end(), [](const json& pod) {
        return !pod["metadata"].contains("deletionTimestamp");
      });
      for (; owners_make_pods && staying < owner.replicas; ++staying) {
        server.Put("pods", MakePod(owner, name + "-x" + std::to_string(counter_), Place()));
      }
    } else {
      for (int i = 0; owners_make_pods && i < owner.replicas; ++i) {
        const std::string pod_name = name + "-" + std::to_string(i);
        const json pod = Get("pods", std::string(kSpace) + "/" + pod_name);
        if (pod.is_null()) server.Put("pods", MakePod(owner, pod_name, Place()));
        // OrderedReady: nobody after one that is not well.
        if (!owner.parallel && (pod.is_null() || !IsReady(pod))) break;
      }
    }
    UpdateStatus(owner);
  }
}

// From outside: no two members of a set away at once, whatever was evicted.
void Workloads::Check() {
  CountPods();
  for (const auto& [name, owner] : owners_) {
    if (owner.kind == "ReplicaSet") continue;
    const std::vector<json>& pods = PodsOf(owner);
    const auto ready = std::count_if(pods.begin(), pods.end(), IsReady);
    if (ready >= owner.replicas - 1) continue;
    hurt.push_back(name + " has " + std::to_string(ready) + " of " +
                   std::to_string(owner.replicas));
  }
  for (const auto& [uid, times] : evictions) {
    if (times > 1) hurt.push_back(uid + " was evicted " + std::to_string(times) + " times");
  }
}

void Workloads::Live(absl::Duration duration) {
  for (; duration > absl::ZeroDuration(); duration -= absl::Milliseconds(200)) {
    Step();
    Advance(absl::Milliseconds(200));
    if (!evictions.empty()) Check();
  }
}

json Workloads::Of(const std::string& node) const {
  json newest;
  for (const json& remediation : Remediations()) {
    if (remediation["spec"]["targetRef"]["name"] == node) newest = remediation;
  }
  return newest;
}

std::string Workloads::Message(const std::string& node) const {
  const json remediation = Of(node);
  return remediation.is_null() || !remediation.contains("status")
             ? ""
             : remediation["status"].value("message", "");
}

std::string Workloads::AwaitEnd(const std::string& node, absl::Duration within) {
  std::string phase;
  for (; within > absl::ZeroDuration(); within -= absl::Seconds(1)) {
    const json remediation = Of(node);
    if (!remediation.is_null() && remediation.contains("status")) {
      phase = remediation["status"].value("phase", "");
      if (phase == "Holding" || remediation["status"].contains("finishedAt")) return phase;
    }
    Live(absl::Seconds(1));
  }
  return "still " + phase + ": " + Message(node);
}

std::vector<std::string> Workloads::PodsOn(const std::string& node) const {
  std::vector<std::string> names;
  for (const auto& [key, pod] : server.Objects("pods")) {
    if (pod["spec"].value("nodeName", "") != node) continue;
    if (!pod["metadata"].contains("deletionTimestamp")) names.push_back(pod["metadata"]["name"]);
  }
  return names;
}

json DrainSpec(const json& drain) {
  return {
      {"target", {{"apiVersion", "v1"}, {"kind", "Node"}, {"all", true}}},
      {"triggers",
       {{{"name", "annotated"},
         {"match",
          {{{"name", "m"}, {"expression", "object.metadata.?annotations['sick'].hasValue()"}}}}}}},
      {"remedies",
       {{{"name", "move"},
         {"matchConditions",
          {{{"name", "cordoned"}, {"expression", "object.spec.?unschedulable.orValue(false)"}}}},
         {"steps", {{{"drain", drain}}}},
         {"verify", {{{"name", "v"}, {"expression", "true"}}}},
         {"cureWithin", "10m"}}}},
      {"recovery", {{"stableFor", "5s"}, {"healthy", {{{"name", "h"}, {"expression", "true"}}}}}},
      {"limits", {{"maxUnhealthy", "90%"}, {"maxConcurrent", 10}, {"cooldown", "1m"}}}};
}

}  // namespace kr::remediation
