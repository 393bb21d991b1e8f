#include "controller/kube/exec_plugin.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"

namespace kr::kube {
namespace {

using nlohmann::json;

json ClusterInfo(const ClusterConfig& cluster) {
  const ServerAddress& server = cluster.server;
  json info = {
      {"server", (server.tls ? "https://" : "http://") + server.HostHeader() + server.base_path}};
  if (!cluster.tls_server_name.empty()) info["tls-server-name"] = cluster.tls_server_name;
  if (cluster.insecure_skip_tls_verify) info["insecure-skip-tls-verify"] = true;
  const std::string ca = cluster.exec->cluster_ca;
  if (!ca.empty()) info["certificate-authority-data"] = absl::Base64Escape(ca);
  if (!cluster.exec->cluster_config.empty()) {
    info["config"] = json::parse(cluster.exec->cluster_config, nullptr, false);
  }
  return info;
}

std::string Text(const json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

}  // namespace

StatusOr<PluginCall> MakePluginCall(const ClusterConfig& cluster, bool at_terminal) {
  const ExecConfig& exec = *cluster.exec;
  PluginCall call;
  call.argv.push_back(exec.command);
  call.argv.insert(call.argv.end(), exec.args.begin(), exec.args.end());
  call.environment = exec.env;
  call.interactive = at_terminal && exec.interactive != ExecConfig::Interactive::kNever;
  if (exec.interactive == ExecConfig::Interactive::kAlways && !call.interactive) {
    return FailedPrecondition(
        "it wants to ask a person (interactiveMode: Always), and there is none "
        "at the terminal");
  }
  json info = {{"apiVersion", exec.api_version},
               {"kind", "ExecCredential"},
               {"spec", {{"interactive", call.interactive}}}};
  if (exec.provide_cluster_info) info["spec"]["cluster"] = ClusterInfo(cluster);
  call.environment.emplace_back("KUBERNETES_EXEC_INFO", info.dump());
  return call;
}

StatusOr<PluginCredential> ParseExecCredential(std::string_view output,
                                               std::string_view api_version) {
  const json answer = json::parse(output, nullptr, false);
  if (!answer.is_object()) return InvalidArgument("expected an ExecCredential as JSON");
  if (Text(answer, "kind") != "ExecCredential" || Text(answer, "apiVersion") != api_version) {
    return InvalidArgument("expected an ExecCredential of " + std::string(api_version) +
                           ", found " + Text(answer, "kind") + " of " + Text(answer, "apiVersion"));
  }
  const auto status = answer.find("status");
  if (status == answer.end() || !status->is_object()) {
    return InvalidArgument("the ExecCredential has no status");
  }
  PluginCredential credential{.token = Text(*status, "token"),
                              .certificate = Text(*status, "clientCertificateData"),
                              .key = Text(*status, "clientKeyData")};
  if (credential.certificate.empty() != credential.key.empty()) {
    return InvalidArgument("clientCertificateData and clientKeyData belong together");
  }
  if (credential.token.empty() && credential.certificate.empty()) {
    return InvalidArgument("the ExecCredential has neither a token nor a certificate");
  }
  // It goes into a header.
  if (credential.token.find_first_of("\r\n") != std::string::npos) {
    return InvalidArgument("the token has a line break");
  }
  const std::string expires = Text(*status, "expirationTimestamp");
  if (!expires.empty() &&
      !absl::ParseTime(absl::RFC3339_full, expires, &credential.expires, nullptr)) {
    return InvalidArgument("expirationTimestamp is no time: \"" + expires + "\"");
  }
  return credential;
}

StatusOr<PluginCredential> RunPlugin(const ClusterConfig& cluster, PluginRunner& runner) {
  const ExecConfig& exec = *cluster.exec;
  const std::string what = "credential plugin " + exec.command;
  auto call = MakePluginCall(cluster, runner.AtTerminal());
  if (!call.ok()) return Annotate(call.status(), what);
  auto output = runner.Run(*call);
  if (!output.ok()) {
    const std::string hint = exec.install_hint.empty() ? "" : "\n" + exec.install_hint;
    const bool missing = absl::IsNotFound(output.status());
    // To the one who asks it is the same as a server that cannot be reached: it may pass.
    return Unavailable(what + ": " + std::string(Message(output.status())) + (missing ? hint : ""));
  }
  auto credential = ParseExecCredential(*output, exec.api_version);
  if (!credential.ok()) return Annotate(credential.status(), what);
  return credential;
}

}  // namespace kr::kube
