#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/base/status.h"

// Where the API server is and who we are: from a kubeconfig, or from the pod we run in.
namespace kr::kube {

// PEM text, given as it is or kept in a file that may rotate. `data` wins.
struct PemSource {
  std::string data;
  std::string file;
  bool empty() const { return data.empty() && file.empty(); }
};

struct ServerAddress {
  bool tls = true;
  std::string host;  // without the brackets of an IPv6 literal
  std::uint16_t port = 443;
  std::string base_path;  // put before every target; "" or "/prefix"

  // The value of a Host header: an IPv6 literal is bracketed, a scheme's own port left out.
  std::string HostHeader() const;
  bool IsIpLiteral() const;
};

// http(s)://host[:port][/base/path]; nothing else (user info, query) is accepted.
StatusOr<ServerAddress> ParseServerUrl(std::string_view url);

struct OutboundUrl {
  ServerAddress server;  // without base path
  std::string target;    // path and query, as they were written; at least "/"
};
// http(s)://host[:port][/path][?query]. Such a URL may hold a secret: errors do not repeat it.
StatusOr<OutboundUrl> ParseOutboundUrl(std::string_view url);

// A program that says who we are: see exec_plugin.h.
struct ExecConfig {
  enum class Interactive { kNever, kIfAvailable, kAlways };
  std::string api_version;
  std::string command;  // relative to the kubeconfig when it has a slash and is not absolute
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;
  std::string install_hint;
  bool provide_cluster_info = false;
  Interactive interactive = Interactive::kIfAvailable;
  // For provideClusterInfo.
  std::string cluster_ca;      // PEM
  std::string cluster_config;  // the cluster's extension client.authentication.k8s.io/exec, as JSON
};

struct ClusterConfig {
  ServerAddress server;
  PemSource ca;                 // empty: the system's roots, as with kubectl
  std::string tls_server_name;  // verified and sent as SNI instead of the host; "" = the host
  bool insecure_skip_tls_verify = false;

  PemSource client_certificate;
  PemSource client_key;
  std::string token_file;  // read again when it rotates; wins over `token`
  std::string token;
  std::string username;
  std::string password;
  std::optional<ExecConfig> exec;  // instead of token, password and certificate

  std::string name_space;  // of the context or of the pod; "" = none given
  std::string origin;  // for logs: "context admin of ~/.kube/config", "the pod's service account"
};

// The process environment; tests give their own.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment ProcessEnvironment();

// kubectl's rules: files earlier in the list win entry by entry, paths in a file are relative to
// it, *-data wins over a file. `files` must name one that exists, the others may be missing.
// `context` "" = current-context. What we cannot honour (auth-provider plugins, proxy-url,
// impersonation) is refused by name, so that nobody acts as somebody else than configured. Errors:
// NotFound (no file), InvalidArgument (file, entry and what was expected), Unimplemented (refused
// by name).
StatusOr<ClusterConfig> LoadKubeconfig(const std::vector<std::string>& files,
                                       std::string_view context);

inline constexpr std::string_view kServiceAccountDirectory =
    "/var/run/secrets/kubernetes.io/serviceaccount";

// The service account mounted into this pod, and KUBERNETES_SERVICE_HOST and _PORT.
StatusOr<ClusterConfig> LoadInCluster(const Environment& environment,
                                      std::string_view directory = kServiceAccountDirectory);

struct ConfigFlags {
  std::string kubeconfig;  // --kubeconfig
  std::string context;     // --context
};

// --kubeconfig, then $KUBECONFIG, then the pod's service account, then ~/.kube/config. A context
// that is named rules the pod's service account out.
StatusOr<ClusterConfig> LoadClusterConfig(const ConfigFlags& flags, const Environment& environment);

}  // namespace kr::kube
