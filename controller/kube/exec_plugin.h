#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "controller/base/status.h"
#include "controller/kube/config.h"

// Exec credential plugins (client.authentication.k8s.io): a program of the person's kubeconfig that
// says who we are.
namespace kr::kube {

// What is run: argv as it is, never through a shell.
struct PluginCall {
  std::vector<std::string> argv;  // argv[0] is looked for in $PATH when it has no slash
  std::vector<std::pair<std::string, std::string>> environment;  // on top of ours
  bool interactive = false;  // the plugin may ask the person: it gets our standard input
  absl::Duration timeout = absl::Seconds(60);
  size_t max_output = 1 << 20;
};

// Runs it; gives what it wrote to standard output. Standard error is ours. Errors: NotFound (no
// such program), DeadlineExceeded (it was killed), ResourceExhausted (too much output; killed),
// Unavailable (another exit status than 0).
class PluginRunner {
 public:
  virtual ~PluginRunner() = default;
  virtual StatusOr<std::string> Run(const PluginCall& call) = 0;
  // Whether there is a person at our standard input.
  virtual bool AtTerminal() const = 0;
};
PluginRunner& ProcessRunner();

// What a plugin answered.
struct PluginCredential {
  std::string token;
  std::string certificate;  // PEM, with `key`
  std::string key;
  absl::Time expires = absl::InfiniteFuture();
};

// What is to be run for `cluster`, with KUBERNETES_EXEC_INFO. FailedPrecondition when the plugin
// wants a person and there is none.
StatusOr<PluginCall> MakePluginCall(const ClusterConfig& cluster, bool at_terminal);

// Reads an ExecCredential. InvalidArgument says what is wrong with it.
StatusOr<PluginCredential> ParseExecCredential(std::string_view output,
                                               std::string_view api_version);

// Both, run, with the plugin's name and installHint in errors.
StatusOr<PluginCredential> RunPlugin(const ClusterConfig& cluster, PluginRunner& runner);

}  // namespace kr::kube
