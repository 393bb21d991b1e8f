#include "cmd/kubectl-remedy/follow.h"

#include <ostream>
#include <utility>

#include <nlohmann/json.hpp>

#include "crds/v1alpha1/codec.h"
#include "reconcilers/remediation/registry.h"
#include "reconcilers/remediation/resources.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using remediation::RemediationResource;

constexpr absl::Duration kPoll = absl::Milliseconds(200);

}  // namespace

std::string StateOf(const crds::Remediation& remediation) {
  const crds::RemediationStatus& status = remediation.status;
  if (!status.phase) return "not taken up yet";
  return std::string(ToString(*status.phase)) + ", " + status.message;
}

StatusOr<crds::Remediation> Follow(Cluster& cluster, Console& console, const std::string& name,
                                   absl::Duration timeout,
                                   const std::function<bool(const crds::Remediation&)>& done) {
  const MonotonicTime deadline = console.clock.Monotonic() + timeout;
  std::string last;
  while (true) {
    KR_ASSIGN_OR_RETURN(const json object, cluster.Get(RemediationResource(), {"", name}));
    KR_ASSIGN_OR_RETURN(auto remediation, crds::FromJson<crds::Remediation>(object));
    if (done(remediation)) return remediation;
    if (remediation.status.message != last) {
      last = remediation.status.message;
      console.err << "waiting: " << last << "\n";
    }
    if (console.clock.Monotonic() >= deadline) {
      return DeadlineExceeded(
          "remediation/" + name + " has not ended within " + absl::FormatDuration(timeout) +
          ": is an operator running? The last that is known: " + StateOf(remediation));
    }
    console.wait(kPoll);
  }
}

Status AwaitEnd(Cluster& cluster, Console& console, const std::string& name, absl::Duration timeout,
                const std::string& output) {
  KR_ASSIGN_OR_RETURN(const crds::Remediation ended,
                      Follow(cluster, console, name, timeout, [](const crds::Remediation& one) {
                        return !remediation::IsOpen(one);
                      }));
  const std::string text = "remediation/" + name + ": " + StateOf(ended);
  const crds::Phase phase = *ended.status.phase;
  Print(console, output, crds::ToJson(ended), text + "\n");
  if (phase == crds::Phase::kSucceeded || phase == crds::Phase::kReported ||
      phase == crds::Phase::kObserved) {
    return OkStatus();
  }
  return AnswerIsNo("remediation/" + name + " did not succeed");
}

}  // namespace kr::cmd
