// Pods. Everything that pods of one owner have in common is drawn from the owner's dice.

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/bench/data/cluster_data.h"
#include "tests/bench/data/dice.h"

namespace kr::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kOwnerKind = 2;
constexpr uint64_t kPodKind = 3;
constexpr int kPodsPerOwner = 5;
constexpr int kUniformOwners = 30;
constexpr int kUniformNamespaces = 10;
constexpr int kRealisticNamespaces = 120;

struct Container {
  std::string name;
  std::string image;
  std::string digest;
  Json resources;
};

struct Owner {
  std::string name;  // of the workload
  std::string kind;  // of the object that owns the pods
  std::string hash;
  std::string uid;
  std::string space;
  std::string version;
  std::string team;
  std::string tier;
  std::string checksum;  // of its configuration
  std::vector<Container> containers;
  int variables = 0;
};

Json Resources(Dice& dice) {
  static constexpr std::string_view kCpu[] = {"50m", "100m", "250m", "500m", "1", "2"};
  static constexpr std::string_view kMemory[] = {"64Mi", "128Mi", "256Mi", "512Mi", "1Gi", "4Gi"};
  const std::string memory = dice.Pick(kMemory);
  return {{"limits", {{"cpu", "4"}, {"memory", memory}}},
          {"requests", {{"cpu", dice.Pick(kCpu)}, {"memory", memory}}}};
}

Container Sidecar(std::string name, std::string_view image, Dice fixed) {
  const std::string digest = fixed.Hex(64);
  return {std::move(name), std::string(image), digest, Resources(fixed)};
}

Owner UniformOwner(uint64_t seed, int index) {
  Dice dice(seed, kOwnerKind, static_cast<uint64_t>(index));
  Owner owner;
  owner.name = "load-" + std::to_string(index);
  owner.kind = "ReplicaSet";
  owner.hash = dice.Suffix(10);
  owner.uid = dice.Uid();
  owner.checksum = dice.Hex(64);
  owner.space = "bench-" + std::to_string(index % kUniformNamespaces);
  owner.version = "1.0.0";
  owner.team = "bench";
  owner.tier = "load";
  owner.variables = 13;
  Dice image(seed);
  owner.containers = {
      {"main", "registry.example.com/bench/load:1.0.0", image.Hex(64), Resources(image)}};
  return owner;
}

Owner RealisticOwner(uint64_t seed, int index) {
  static constexpr std::string_view kWords[] = {
      "checkout", "cart",   "search",  "catalog", "payments", "ledger", "notify", "profile",
      "session",  "pricer", "shipper", "invoice", "gateway",  "audit",  "report", "recommender"};
  static constexpr std::string_view kRoles[] = {"api", "worker", "db", "cache", "cron", "web"};
  static constexpr std::string_view kTiers[] = {"frontend", "backend", "data", "batch"};
  Dice dice(seed, kOwnerKind, static_cast<uint64_t>(index));
  Owner owner;
  const std::string base = dice.Pick(kWords) + "-" + dice.Pick(kRoles);
  owner.name = base + "-" + std::to_string(index);
  owner.kind = dice.Percent(75) ? "ReplicaSet" : dice.Percent(60) ? "StatefulSet" : "DaemonSet";
  owner.hash = dice.Suffix(10);
  owner.uid = dice.Uid();
  owner.checksum = dice.Hex(64);
  owner.space = "team-" + std::to_string(dice.Below(kRealisticNamespaces));
  owner.version = std::to_string(1 + dice.Below(4)) + "." + std::to_string(dice.Below(30)) + "." +
                  std::to_string(dice.Below(10));
  owner.team = "squad-" + std::to_string(dice.Below(60));
  owner.tier = dice.Pick(kTiers);
  owner.variables = dice.Below(2);
  owner.containers.push_back(
      {dice.Percent(50) ? "app" : base,
       "registry.example.com/" + owner.team + "/" + base + ":" + owner.version + "-" + dice.Hex(7),
       dice.Hex(64), Resources(dice)});
  if (dice.Percent(45)) {
    owner.containers.push_back(
        Sidecar("istio-proxy", "docker.io/istio/proxyv2:1.22.3", Dice(seed, 10)));
  }
  if (dice.Percent(25)) {
    owner.containers.push_back(
        Sidecar("fluent-bit", "cr.fluentbit.io/fluent/fluent-bit:3.1.4", Dice(seed, 11)));
  }
  return owner;
}

Json Labels(const Owner& owner, const std::string& pod, DataSet set) {
  Json labels = {{"app", owner.name}, {"pod-template-hash", owner.hash}};
  if (set == DataSet::kUniform) {
    labels["team"] = owner.team;
    return labels;
  }
  labels["app.kubernetes.io/name"] = owner.name;
  labels["app.kubernetes.io/version"] = owner.version;
  labels["app.kubernetes.io/managed-by"] = "Helm";
  labels["team"] = owner.team;
  labels["tier"] = owner.tier;
  labels["topology.kubernetes.io/region"] = "eu-central-1";
  if (owner.kind == "StatefulSet") {
    labels.erase("pod-template-hash");
    labels["statefulset.kubernetes.io/pod-name"] = pod;
  }
  return labels;
}

Json Metadata(const Owner& owner, const std::string& name, DataSet set, Dice& dice) {
  const std::string parent =
      owner.kind == "ReplicaSet" ? owner.name + "-" + owner.hash : owner.name;
  Json annotations = {{"prometheus.io/scrape", "true"}, {"prometheus.io/port", "9090"}};
  if (set == DataSet::kRealistic) annotations["checksum/config"] = owner.checksum;
  if (set == DataSet::kRealistic && dice.Percent(10)) {
    annotations["kubectl.kubernetes.io/restartedAt"] = TimeAt(dice.Below(1'000'000));
  }
  return {{"name", name},
          {"generateName", parent + "-"},
          {"namespace", owner.space},
          {"labels", Labels(owner, name, set)},
          {"annotations", annotations},
          {"ownerReferences",
           {{{"apiVersion", "apps/v1"},
             {"kind", owner.kind},
             {"name", parent},
             {"uid", owner.uid},
             {"controller", true},
             {"blockOwnerDeletion", true}}}}};
}

Json Probe(const char* path) {
  return {{"httpGet", {{"path", path}, {"port", 8080}, {"scheme", "HTTP"}}},
          {"timeoutSeconds", 1},
          {"periodSeconds", 10},
          {"successThreshold", 1},
          {"failureThreshold", 3}};
}

Json ContainerSpec(const Container& container, int variables, bool probes) {
  Json env = Json::array();
  for (int i = 0; i < variables; ++i) {
    env.push_back({{"name", "SETTING_" + std::to_string(i)},
                   {"value", "value-of-setting-" + std::to_string(i)}});
  }
  env.push_back(
      {{"name", "POD_IP"},
       {"valueFrom", {{"fieldRef", {{"apiVersion", "v1"}, {"fieldPath", "status.podIP"}}}}}});
  Json spec = {{"name", container.name},
               {"image", container.image},
               {"args", {"--listen=:8080", "--log-format=json"}},
               {"ports", {{{"name", "http"}, {"containerPort", 8080}, {"protocol", "TCP"}}}},
               {"env", env},
               {"resources", container.resources},
               {"volumeMounts",
                {{{"name", "config"}, {"mountPath", "/etc/config"}},
                 {{"name", "kube-api-access"},
                  {"readOnly", true},
                  {"mountPath", "/var/run/secrets/kubernetes.io/serviceaccount"}}}},
               {"terminationMessagePath", "/dev/termination-log"},
               {"terminationMessagePolicy", "File"},
               {"imagePullPolicy", "IfNotPresent"},
               {"securityContext",
                {{"capabilities", {{"drop", {"ALL"}}}},
                 {"readOnlyRootFilesystem", true},
                 {"allowPrivilegeEscalation", false}}}};
  if (probes) {
    spec["livenessProbe"] = Probe("/healthz");
    spec["readinessProbe"] = Probe("/readyz");
  }
  return spec;
}

Json Spec(const Owner& owner, int node, bool probes) {
  Json containers = Json::array();
  for (const Container& container : owner.containers) {
    const bool main = containers.empty();
    containers.push_back(ContainerSpec(container, main ? owner.variables : 1, main && probes));
  }
  const auto toleration = [](const char* key) -> Json {
    return {
        {"key", key}, {"operator", "Exists"}, {"effect", "NoExecute"}, {"tolerationSeconds", 300}};
  };
  return {
      {"volumes",
       {{{"name", "config"}, {"configMap", {{"name", owner.name}, {"defaultMode", 420}}}},
        {{"name", "kube-api-access"},
         {"projected",
          {{"sources",
            {{{"serviceAccountToken", {{"expirationSeconds", 3607}, {"path", "token"}}}},
             {{"configMap",
               {{"name", "kube-root-ca.crt"},
                {"items", {{{"key", "ca.crt"}, {"path", "ca.crt"}}}}}}}}},
           {"defaultMode", 420}}}}}},
      {"containers", containers},
      {"restartPolicy", "Always"},
      {"terminationGracePeriodSeconds", 30},
      {"dnsPolicy", "ClusterFirst"},
      {"serviceAccountName", "default"},
      {"serviceAccount", "default"},
      {"nodeName", "node-" + std::to_string(node)},
      {"securityContext", Json::object()},
      {"schedulerName", "default-scheduler"},
      {"tolerations",
       {toleration("node.kubernetes.io/not-ready"), toleration("node.kubernetes.io/unreachable")}},
      {"priority", 0},
      {"enableServiceLinks", true},
      {"preemptionPolicy", "PreemptLowerPriority"}};
}

Json ContainerStatus(const Container& container, bool ready, int64_t started, Dice& dice) {
  Json status = {{"name", container.name},
                 {"state", {{"running", {{"startedAt", TimeAt(started)}}}}},
                 {"lastState", Json::object()},
                 {"ready", ready},
                 {"restartCount", 0},
                 {"image", container.image},
                 {"imageID", container.image.substr(0, container.image.find(':')) +
                                 "@sha256:" + container.digest},
                 {"containerID", "containerd://" + dice.Hex(64)},
                 {"started", true}};
  if (!ready || dice.Percent(4)) {
    status["restartCount"] = 1 + dice.Below(40);
    status["lastState"] = {{"terminated",
                            {{"exitCode", dice.Percent(50) ? 137 : 1},
                             {"reason", dice.Percent(50) ? "OOMKilled" : "Error"},
                             {"startedAt", TimeAt(started - 3'600)},
                             {"finishedAt", TimeAt(started - 5)},
                             {"containerID", "containerd://" + dice.Hex(64)}}}};
  }
  return status;
}

Json Status(const Owner& owner, int node, bool healthy, Dice& dice) {
  const int64_t created = dice.Below(2'000'000);
  const std::string ip = "10." + std::to_string(node / 250) + "." + std::to_string(node % 250) +
                         "." + std::to_string(dice.Below(250));
  const std::string host =
      "192.168." + std::to_string(node / 250) + "." + std::to_string(node % 250);
  Json statuses = Json::array();
  for (const Container& container : owner.containers) {
    statuses.push_back(ContainerStatus(container, healthy || !statuses.empty(),
                                       created + 3 + dice.Below(30), dice));
  }
  Json conditions = Json::array();
  for (const char* type :
       {"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"}) {
    const bool unready = !healthy && std::string_view(type).ends_with("Ready");
    conditions.push_back({{"type", type},
                          {"status", unready ? "False" : "True"},
                          {"lastProbeTime", nullptr},
                          {"lastTransitionTime", TimeAt(created + dice.Below(40))}});
    if (unready) {
      conditions.back()["reason"] = "ContainersNotReady";
      conditions.back()["message"] =
          "containers with unready status: [" + owner.containers[0].name + "]";
    }
  }
  return {{"phase", "Running"},
          {"conditions", conditions},
          {"hostIP", host},
          {"hostIPs", {{{"ip", host}}}},
          {"podIP", ip},
          {"podIPs", {{{"ip", ip}}}},
          {"startTime", TimeAt(created)},
          {"containerStatuses", statuses},
          {"qosClass", "Burstable"}};
}

}  // namespace

std::vector<std::string> ClusterData::Namespaces() const {
  const bool realistic = options_.set == DataSet::kRealistic;
  std::vector<std::string> names;
  for (int i = 0; i < (realistic ? kRealisticNamespaces : kUniformNamespaces); ++i) {
    names.push_back((realistic ? "team-" : "bench-") + std::to_string(i));
  }
  return names;
}

Json ClusterData::Pod(int index) const {
  const bool realistic = options_.set == DataSet::kRealistic;
  const Owner owner = realistic ? RealisticOwner(options_.seed, index / kPodsPerOwner)
                                : UniformOwner(options_.seed, index % kUniformOwners);
  Dice dice(options_.seed, kPodKind, static_cast<uint64_t>(index));
  const int node = dice.Below(options_.nodes);
  const std::string name =
      owner.kind == "StatefulSet" ? owner.name + "-" + std::to_string(index % kPodsPerOwner)
      : owner.kind == "DaemonSet" ? owner.name + "-" + UniqueSuffix(index)
                                  : owner.name + "-" + owner.hash + "-" + UniqueSuffix(index);
  const bool healthy = !realistic || !dice.Percent(5);
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", Metadata(owner, name, options_.set, dice)},
          {"spec", Spec(owner, node, realistic)},
          {"status", Status(owner, node, healthy, dice)}};
}

}  // namespace kr::bench
