#include <nlohmann/json.hpp>

#include "tests/bench/data/cluster_data.h"
#include "tests/bench/data/dice.h"

namespace kr::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kNodeKind = 4;
constexpr int kImages = 16;

Json Labels(const std::string& name, Dice& dice) {
  static constexpr std::string_view kTypes[] = {"m6i.xlarge", "m6i.2xlarge", "r6i.2xlarge",
                                                "c6i.4xlarge"};
  static constexpr std::string_view kPools[] = {"general", "memory", "batch", "ingress"};
  const std::string type = dice.Pick(kTypes);
  const std::string zone = std::string("eu-central-1") + "abc"[dice.Below(3)];
  return {{"beta.kubernetes.io/arch", "amd64"},
          {"beta.kubernetes.io/os", "linux"},
          {"kubernetes.io/arch", "amd64"},
          {"kubernetes.io/hostname", name},
          {"kubernetes.io/os", "linux"},
          {"node.kubernetes.io/instance-type", type},
          {"topology.kubernetes.io/region", "eu-central-1"},
          {"topology.kubernetes.io/zone", zone},
          {"topology.ebs.csi.aws.com/zone", zone},
          {"pool", dice.Pick(kPools)}};
}

Json Conditions(bool healthy, Dice& dice) {
  const struct {
    const char* type;
    const char* reason;
    const char* message;
  } pressures[] = {
      {"MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"},
      {"DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"},
      {"PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"},
  };
  Json conditions = Json::array();
  const std::string heartbeat = TimeAt(2'100'000 + dice.Below(300));
  for (const auto& pressure : pressures) {
    conditions.push_back({{"type", pressure.type},
                          {"status", "False"},
                          {"lastHeartbeatTime", heartbeat},
                          {"lastTransitionTime", TimeAt(dice.Below(1'000'000))},
                          {"reason", pressure.reason},
                          {"message", pressure.message}});
  }
  conditions.push_back(
      {{"type", "Ready"},
       {"status", healthy ? "True" : "False"},
       {"lastHeartbeatTime", heartbeat},
       {"lastTransitionTime", TimeAt(dice.Below(1'000'000))},
       {"reason", healthy ? "KubeletReady" : "KubeletNotReady"},
       {"message", healthy ? "kubelet is posting ready status"
                           : "PLEG is not healthy: pleg was last seen active 5m ago"}});
  return conditions;
}

Json Images(uint64_t seed, Dice& dice) {
  Json images = Json::array();
  for (int i = 0; i < kImages; ++i) {
    const int image = dice.Below(400);
    Dice fixed(seed, kNodeKind + 1, static_cast<uint64_t>(image));
    const std::string name = "registry.example.com/team/image-" + std::to_string(image);
    images.push_back({{"names", {name + "@sha256:" + fixed.Hex(64)}},
                      {"sizeBytes", 1'000'000 + fixed.Below(500'000'000)}});
  }
  return images;
}

}  // namespace

Json ClusterData::Node(int index) const {
  Dice dice(options_.seed, kNodeKind, static_cast<uint64_t>(index));
  const std::string name = "node-" + std::to_string(index);
  const bool realistic = options_.set == DataSet::kRealistic;
  const Json capacity = {{"cpu", "8"},
                         {"ephemeral-storage", "104845292Ki"},
                         {"hugepages-2Mi", "0"},
                         {"memory", "32386716Ki"},
                         {"pods", "110"}};
  const std::string third = std::to_string(index / 250) + "." + std::to_string(index % 250);
  return {
      {"apiVersion", "v1"},
      {"kind", "Node"},
      {"metadata",
       {{"name", name},
        {"labels", Labels(name, dice)},
        {"annotations",
         {{"csi.volume.kubernetes.io/nodeid", "{\"ebs.csi.aws.com\":\"i-" + dice.Hex(17) + "\"}"},
          {"node.alpha.kubernetes.io/ttl", "0"},
          {"volumes.kubernetes.io/controller-managed-attach-detach", "true"}}}}},
      {"spec",
       {{"podCIDR", "10." + third + ".0/24"},
        {"podCIDRs", {"10." + third + ".0/24"}},
        {"providerID", "aws:///eu-central-1/i-" + dice.Hex(17)}}},
      {"status",
       {{"capacity", capacity},
        {"allocatable", capacity},
        {"conditions", Conditions(!realistic || !dice.Percent(1), dice)},
        {"addresses",
         {{{"type", "InternalIP"}, {"address", "192.168." + third}},
          {{"type", "Hostname"}, {"address", name}}}},
        {"daemonEndpoints", {{"kubeletEndpoint", {{"Port", 10250}}}}},
        {"nodeInfo",
         {{"machineID", dice.Hex(32)},
          {"systemUUID", dice.Uid()},
          {"bootID", dice.Uid()},
          {"kernelVersion", "6.1.0-23-amd64"},
          {"osImage", "Debian GNU/Linux 12 (bookworm)"},
          {"containerRuntimeVersion", "containerd://1.7.20"},
          {"kubeletVersion", "v1.34.1"},
          {"kubeProxyVersion", ""},
          {"operatingSystem", "linux"},
          {"architecture", "amd64"}}},
        {"images", Images(options_.seed, dice)}}}};
}

}  // namespace kr::bench
