#include "cmd/kube-remedy/node_programs.h"

#include <memory>
#include <string>

#include "cmd/common/identity.h"
#include "cmd/common/version.h"
#include "controller/base/log.h"
#include "controller/base/mutex.h"
#include "controller/kube/beast_transport.h"
#include "controller/kube/credentials.h"
#include "reconcilers/agent/agent.h"
#include "reconcilers/agent/identity_claim.h"

namespace kr::cmd {
namespace {

constexpr absl::Duration kRequestTimeout = absl::Seconds(10);

class RealWaiter final : public kube::Waiter {
 public:
  bool Wait(absl::Duration duration, std::stop_token stop) override {
    const MutexLock lock(mu_);
    never_.Wait(mu_, stop, duration, [] { return false; });
    return !stop.stop_requested();
  }

 private:
  Mutex mu_;
  CondVar never_;
};

// What both programs are made of.
struct Parts {
  Parts(const NodeFlags& flags, crds::TaskVia via, const kube::ClusterConfig& cluster, Clock& clock)
      : credentials(cluster, clock),
        transport(kube::MakeBeastTransport(credentials, clock)),
        client(kube::MakeClient(*transport, clock)),
        thread([enters = flags.host_root.empty()] {
          return enters ? agent::EnterHost() : OkStatus();
        }),
        files(flags.host_root),
        host{.files = files, .clock = clock, .waiter = waiter},
        worker({.node_name = flags.node_name, .via = via, .request_timeout = kRequestTimeout},
               *client, thread, host, waiter) {}

  // Whether anything may be executed.
  Status Check(const std::string& node_name, const std::stop_token& stop) {
    KR_RETURN_IF_ERROR(Annotate(thread.entered(), "entering the host"));
    KR_ASSIGN_OR_RETURN(const std::string authorization, credentials.Authorization());
    constexpr std::string_view kBearer = "Bearer ";
    if (!authorization.starts_with(kBearer)) {
      return FailedPrecondition("a service account token of a pod on this node is needed");
    }
    KR_ASSIGN_OR_RETURN(const std::string node,
                        agent::NodeClaim(std::string_view(authorization).substr(kBearer.size())));
    if (node.empty()) {
      return FailedPrecondition(
          "the service account token does not say which node its pod is on (Kubernetes 1.30 or "
          "newer puts it there): nobody could tell for whom we speak");
    }
    if (node != node_name) {
      return FailedPrecondition("the token is that of a pod on node " + node + ", not on " +
                                node_name);
    }
    return agent::CheckAdmission(*client, kRequestTimeout, stop);
  }

  kube::Credentials credentials;
  std::unique_ptr<kube::Transport> transport;
  std::unique_ptr<kube::Client> client;
  agent::HostThread thread;
  agent::HostFiles files;
  RealWaiter waiter;
  agent::HostContext host;
  agent::TaskWorker worker;
};

}  // namespace

Status RunNodeTask(const NodeRunFlags& flags, const kube::ClusterConfig& cluster, Clock& clock,
                   std::stop_token stop) {
  Parts parts(flags, crds::TaskVia::kJob, cluster, clock);
  KR_RETURN_IF_ERROR(parts.Check(flags.node_name, stop));
  KR_ASSIGN_OR_RETURN(const crds::NodeTaskStatus status, parts.worker.Run(flags.task, stop));
  if (status.phase == crds::TaskPhase::kSucceeded || status.phase == crds::TaskPhase::kRebooting) {
    return OkStatus();
  }
  return Aborted(std::string(crds::ToString(*status.phase)) + " (" + status.reason +
                 "): " + status.message);
}

Status RunAgent(const AgentFlags& flags, const kube::ClusterConfig& cluster, Clock& clock,
                std::stop_token stop) {
  Parts parts(flags, crds::TaskVia::kAgent, cluster, clock);
  KR_RETURN_IF_ERROR(parts.Check(flags.node_name, stop));
  const auto lease_transport = kube::MakeBeastTransport(parts.credentials, clock);
  const auto lease_client = kube::MakeClient(*lease_transport, clock);
  const auto streams = kube::MakeBeastStreamTransport(parts.credentials);
  agent::Agent agent(
      {.node_name = flags.node_name, .name_space = flags.name_space, .identity = NewIdentity()},
      *lease_client, *streams, parts.worker, clock);
  log::Info("Started", {{"version", Version()}, {"node", flags.node_name}});
  agent.Run(std::move(stop));
  log::Info("Stopped");
  return OkStatus();
}

}  // namespace kr::cmd
