// kubeconfig files. Entries keep the file they came from, because relative paths are relative to
// it and because an error has to name it.

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "absl/strings/escaping.h"
#include "controller/kube/config.h"

namespace kr::kube {
namespace {

struct Entry {
  YAML::Node node;
  std::string file;
  std::string what;  // `user "admin"`
};

// The merged view: the first file that mentions a name wins.
struct Kubeconfig {
  std::map<std::string, Entry> clusters, users, contexts;
  std::string current_context;
};

Status Problem(const Entry& entry, std::string_view message) {
  return InvalidArgument(entry.file + ": " + entry.what + ": " + std::string(message));
}

StatusOr<std::string> Text(const Entry& entry, const char* key) {
  const YAML::Node value = entry.node[key];
  if (!value.IsDefined() || value.IsNull()) return std::string();
  if (!value.IsScalar()) return Problem(entry, std::string(key) + " must be a string");
  return value.Scalar();
}

StatusOr<bool> Flag(const Entry& entry, const char* key) {
  KR_ASSIGN_OR_RETURN(const std::string text, Text(entry, key));
  if (text.empty() || text == "false") return false;
  if (text == "true") return true;
  return Problem(entry, std::string(key) + " must be true or false");
}

std::string Resolve(const Entry& entry, const std::string& path) {
  return path.empty() ? path : (std::filesystem::path(entry.file).parent_path() / path).string();
}

// `key` names a file, `key`-data carries its content in base64 and wins.
StatusOr<PemSource> Pem(const Entry& entry, const std::string& key) {
  PemSource source;
  KR_ASSIGN_OR_RETURN(const std::string data, Text(entry, (key + "-data").c_str()));
  if (!data.empty()) {
    if (!absl::Base64Unescape(data, &source.data)) {
      return Problem(entry, key + "-data is not base64");
    }
    return source;
  }
  KR_ASSIGN_OR_RETURN(const std::string file, Text(entry, key.c_str()));
  source.file = Resolve(entry, file);
  return source;
}

// Whoever ignored one of these would reach another server, or act as somebody else.
Status RefuseUnsupported(const Entry& entry, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const YAML::Node value = entry.node[key];
    const bool unset = !value.IsDefined() || value.IsNull() ||
                       (value.IsScalar() && value.Scalar().empty()) ||
                       (!value.IsScalar() && value.size() == 0);
    if (!unset) {
      return Unimplemented(entry.file + ": " + entry.what + ": " + key + " is not supported");
    }
  }
  return OkStatus();
}

Status ReadList(const YAML::Node& root, const std::string& file, const char* list, const char* kind,
                std::map<std::string, Entry>& into) {
  const YAML::Node entries = root[list];
  if (!entries.IsDefined() || entries.IsNull()) return OkStatus();
  if (!entries.IsSequence()) return InvalidArgument(file + ": " + list + " must be a list");
  for (const YAML::Node& item : entries) {
    const YAML::Node name = item.IsMap() ? item["name"] : YAML::Node();
    if (!name.IsDefined() || !name.IsScalar() || name.Scalar().empty()) {
      return InvalidArgument(file + ": " + list + ": every entry needs a name");
    }
    Entry entry{
        .node = item[kind], .file = file, .what = std::string(kind) + " \"" + name.Scalar() + "\""};
    if (!entry.node.IsDefined() || entry.node.IsNull()) {
      entry.node = YAML::Node(YAML::NodeType::Map);  // a user without anything is anonymous
    }
    if (!entry.node.IsMap()) return Problem(entry, std::string(kind) + " must be a mapping");
    into.emplace(name.Scalar(), std::move(entry));
  }
  return OkStatus();
}

Status Merge(const std::string& file, const std::string& text, Kubeconfig& config) {
  const YAML::Node root = YAML::Load(text);
  if (root.IsNull()) return OkStatus();
  if (!root.IsMap()) return InvalidArgument(file + ": expected a kubeconfig, a mapping");
  KR_RETURN_IF_ERROR(ReadList(root, file, "clusters", "cluster", config.clusters));
  KR_RETURN_IF_ERROR(ReadList(root, file, "users", "user", config.users));
  KR_RETURN_IF_ERROR(ReadList(root, file, "contexts", "context", config.contexts));
  const YAML::Node current = root["current-context"];
  if (config.current_context.empty() && current.IsDefined() && current.IsScalar()) {
    config.current_context = current.Scalar();
  }
  return OkStatus();
}

StatusOr<Kubeconfig> ReadAll(const std::vector<std::string>& files) {
  Kubeconfig config;
  std::string missing;
  bool any = false;
  for (const std::string& file : files) {
    std::ifstream stream(file);
    if (!stream) {
      missing.append(missing.empty() ? "" : ", ").append(file);
      continue;
    }
    any = true;
    std::ostringstream text;
    text << stream.rdbuf();
    try {
      KR_RETURN_IF_ERROR(Merge(file, text.str(), config));
    } catch (const YAML::Exception& e) {
      return InvalidArgument(file + ": not valid YAML: " + e.what());
    }
  }
  if (!any) return NotFound("no kubeconfig can be read: " + missing);
  return config;
}

const Entry* Find(const std::map<std::string, Entry>& entries, const std::string& name) {
  const auto it = entries.find(name);
  return it == entries.end() ? nullptr : &it->second;
}

Status ReadCluster(const Entry& cluster, ClusterConfig& config) {
  KR_RETURN_IF_ERROR(RefuseUnsupported(cluster, {"proxy-url"}));
  KR_ASSIGN_OR_RETURN(const std::string server, Text(cluster, "server"));
  StatusOr<ServerAddress> address = ParseServerUrl(server);
  if (!address.ok()) return Problem(cluster, Message(address.status()));
  config.server = *std::move(address);
  KR_ASSIGN_OR_RETURN(config.ca, Pem(cluster, "certificate-authority"));
  KR_ASSIGN_OR_RETURN(config.tls_server_name, Text(cluster, "tls-server-name"));
  KR_ASSIGN_OR_RETURN(config.insecure_skip_tls_verify, Flag(cluster, "insecure-skip-tls-verify"));
  if (config.insecure_skip_tls_verify && !config.ca.empty()) {
    return Problem(cluster,
                   "insecure-skip-tls-verify and a certificate-authority exclude "
                   "each other");
  }
  return OkStatus();
}

// YAML as JSON: for the one free-form value that is handed on.
nlohmann::json ToJson(const YAML::Node& node) {
  if (node.IsMap()) {
    nlohmann::json object = nlohmann::json::object();
    for (const auto& pair : node) object[pair.first.Scalar()] = ToJson(pair.second);
    return object;
  }
  if (node.IsSequence()) {
    nlohmann::json list = nlohmann::json::array();
    for (const YAML::Node& element : node) list.push_back(ToJson(element));
    return list;
  }
  if (!node.IsScalar()) return nullptr;
  const bool plain = node.Tag() != "!";
  if (plain && (node.Scalar() == "true" || node.Scalar() == "false")) return node.as<bool>();
  int64_t number = 0;
  if (plain && YAML::convert<int64_t>::decode(node, number)) return number;
  return node.Scalar();
}

Status ReadExecLists(const Entry& entry, ExecConfig& exec) {
  for (const YAML::Node& argument : entry.node["args"]) {
    if (!argument.IsScalar()) return Problem(entry, "args must be strings");
    exec.args.push_back(argument.Scalar());
  }
  for (const YAML::Node& variable : entry.node["env"]) {
    if (!variable.IsMap() || !variable["name"] || !variable["value"]) {
      return Problem(entry, "every element of env needs name and value");
    }
    exec.env.emplace_back(variable["name"].Scalar(), variable["value"].Scalar());
  }
  return OkStatus();
}

StatusOr<ExecConfig> ReadExec(const Entry& user) {
  const Entry entry{.node = user.node["exec"], .file = user.file, .what = user.what + ": exec"};
  if (!entry.node.IsMap()) return Problem(user, "exec must be a mapping");
  ExecConfig exec;
  KR_ASSIGN_OR_RETURN(exec.api_version, Text(entry, "apiVersion"));
  const bool v1 = exec.api_version == "client.authentication.k8s.io/v1";
  if (!v1 && exec.api_version != "client.authentication.k8s.io/v1beta1") {
    return Problem(entry,
                   "apiVersion: expected client.authentication.k8s.io/v1 or v1beta1, found \"" +
                       exec.api_version + "\"");
  }
  KR_ASSIGN_OR_RETURN(exec.command, Text(entry, "command"));
  if (exec.command.empty()) return Problem(entry, "command is required");
  if (exec.command.find('/') != std::string::npos) exec.command = Resolve(entry, exec.command);
  KR_RETURN_IF_ERROR(ReadExecLists(entry, exec));
  KR_ASSIGN_OR_RETURN(exec.install_hint, Text(entry, "installHint"));
  KR_ASSIGN_OR_RETURN(exec.provide_cluster_info, Flag(entry, "provideClusterInfo"));
  KR_ASSIGN_OR_RETURN(const std::string mode, Text(entry, "interactiveMode"));
  if (mode == "Never") {
    exec.interactive = ExecConfig::Interactive::kNever;
  } else if (mode == "Always") {
    exec.interactive = ExecConfig::Interactive::kAlways;
  } else if (mode != "IfAvailable" && (v1 || !mode.empty())) {
    return Problem(
        entry, "interactiveMode: expected Never, IfAvailable or Always, found \"" + mode + "\"");
  }
  return exec;
}

// What the plugin may be told about the cluster.
Status ReadClusterInfo(const Entry& cluster, ClusterConfig& config) {
  if (!config.exec || !config.exec->provide_cluster_info) return OkStatus();
  config.exec->cluster_ca = config.ca.data;
  if (config.ca.data.empty() && !config.ca.file.empty()) {
    std::ifstream file(config.ca.file);
    std::ostringstream text;
    if (file) text << file.rdbuf();
    config.exec->cluster_ca = text.str();
  }
  for (const YAML::Node& extension : cluster.node["extensions"]) {
    if (extension.IsMap() && extension["name"].Scalar() == "client.authentication.k8s.io/exec") {
      config.exec->cluster_config = ToJson(extension["extension"]).dump();
    }
  }
  return OkStatus();
}

Status ReadUser(const Entry& user, ClusterConfig& config) {
  KR_RETURN_IF_ERROR(
      RefuseUnsupported(user, {"auth-provider", "as", "as-uid", "as-groups", "as-user-extra"}));
  KR_ASSIGN_OR_RETURN(config.client_certificate, Pem(user, "client-certificate"));
  KR_ASSIGN_OR_RETURN(config.client_key, Pem(user, "client-key"));
  if (config.client_certificate.empty() != config.client_key.empty()) {
    return Problem(user, "client-certificate and client-key belong together");
  }
  KR_ASSIGN_OR_RETURN(config.token, Text(user, "token"));
  KR_ASSIGN_OR_RETURN(const std::string token_file, Text(user, "tokenFile"));
  config.token_file = Resolve(user, token_file);
  KR_ASSIGN_OR_RETURN(config.username, Text(user, "username"));
  KR_ASSIGN_OR_RETURN(config.password, Text(user, "password"));
  const YAML::Node exec = user.node["exec"];
  if (!exec.IsDefined() || exec.IsNull()) return OkStatus();
  KR_ASSIGN_OR_RETURN(config.exec, ReadExec(user));
  if (!config.token.empty() || !config.token_file.empty() || !config.username.empty() ||
      !config.client_certificate.empty()) {
    return Problem(user, "exec and another credential exclude each other");
  }
  return OkStatus();
}

StatusOr<ClusterConfig> Select(const Kubeconfig& kubeconfig, const std::string& name,
                               const std::string& where) {
  if (name.empty()) return InvalidArgument(where + ": no current-context; name one with --context");
  const Entry* context = Find(kubeconfig.contexts, name);
  if (context == nullptr) return InvalidArgument(where + ": there is no context \"" + name + "\"");
  ClusterConfig config;
  config.origin = "context " + name + " of " + context->file;
  KR_ASSIGN_OR_RETURN(config.name_space, Text(*context, "namespace"));

  KR_ASSIGN_OR_RETURN(const std::string cluster_name, Text(*context, "cluster"));
  const Entry* cluster = Find(kubeconfig.clusters, cluster_name);
  if (cluster == nullptr) {
    return Problem(*context, "there is no cluster \"" + cluster_name + "\"");
  }
  KR_RETURN_IF_ERROR(ReadCluster(*cluster, config));

  KR_ASSIGN_OR_RETURN(const std::string user_name, Text(*context, "user"));
  if (user_name.empty()) return config;
  const Entry* user = Find(kubeconfig.users, user_name);
  if (user == nullptr) return Problem(*context, "there is no user \"" + user_name + "\"");
  KR_RETURN_IF_ERROR(ReadUser(*user, config));
  KR_RETURN_IF_ERROR(ReadClusterInfo(*cluster, config));
  return config;
}

}  // namespace

StatusOr<ClusterConfig> LoadKubeconfig(const std::vector<std::string>& files,
                                       std::string_view context) {
  KR_ASSIGN_OR_RETURN(const Kubeconfig kubeconfig, ReadAll(files));
  std::string where;
  for (const std::string& file : files) where.append(where.empty() ? "" : ":").append(file);
  // yaml-cpp throws for whatever it does not expect; our own checks come first.
  try {
    return Select(kubeconfig, context.empty() ? kubeconfig.current_context : std::string(context),
                  where);
  } catch (const YAML::Exception& e) {
    return InvalidArgument(where + ": " + e.what());
  }
}

}  // namespace kr::kube
