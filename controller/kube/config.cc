#include "controller/kube/config.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"

namespace kr::kube {
namespace {

std::string Get(const Environment& environment, const std::string& name) {
  return environment(name).value_or("");
}

bool IsReadable(const std::string& path) {
  return std::ifstream(path).good();
}

// The entries of $KUBECONFIG, empty ones left out as kubectl does.
std::vector<std::string> SplitList(const std::string& list) {
  std::vector<std::string> files;
  std::size_t begin = 0;
  while (begin <= list.size()) {
    const std::size_t end = std::min(list.find(':', begin), list.size());
    if (end > begin) files.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return files;
}

}  // namespace

Environment ProcessEnvironment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

StatusOr<ClusterConfig> LoadInCluster(const Environment& environment, std::string_view directory) {
  const std::string host = Get(environment, "KUBERNETES_SERVICE_HOST");
  const std::string port = Get(environment, "KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return FailedPrecondition(
        "not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set");
  }
  const bool ipv6 = host.find(':') != std::string::npos;
  ClusterConfig config;
  KR_ASSIGN_OR_RETURN(config.server,
                      ParseServerUrl("https://" + (ipv6 ? "[" + host + "]" : host) + ":" + port));
  const std::string base(directory);
  config.ca.file = base + "/ca.crt";
  config.token_file = base + "/token";
  for (const std::string& file : {config.ca.file, config.token_file}) {
    if (!IsReadable(file)) {
      return FailedPrecondition("in a pod, but its service account has no readable " + file +
                                " (automountServiceAccountToken?)");
    }
  }
  std::getline(std::ifstream(base + "/namespace"), config.name_space);
  absl::StripAsciiWhitespace(&config.name_space);
  config.origin = "the pod's service account";
  return config;
}

StatusOr<ClusterConfig> LoadClusterConfig(const ConfigFlags& flags,
                                          const Environment& environment) {
  if (!flags.kubeconfig.empty()) return LoadKubeconfig({flags.kubeconfig}, flags.context);
  const std::vector<std::string> files = SplitList(Get(environment, "KUBECONFIG"));
  if (!files.empty()) return LoadKubeconfig(files, flags.context);
  if (flags.context.empty() && !Get(environment, "KUBERNETES_SERVICE_HOST").empty()) {
    return LoadInCluster(environment);
  }
  const std::string home = Get(environment, "HOME") + "/.kube/config";
  if (IsReadable(home)) return LoadKubeconfig({home}, flags.context);
  return NotFound(
      "no cluster is configured: tried --kubeconfig, $KUBECONFIG, the pod's service "
      "account and " +
      home);
}

}  // namespace kr::kube
