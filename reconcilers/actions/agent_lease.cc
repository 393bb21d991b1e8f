#include "reconcilers/actions/agent_lease.h"

#include "reconcilers/actions/change.h"
#include "reconcilers/node/resources.h"
#include "reconcilers/node/task.h"

namespace kr::actions {
namespace {

constexpr int kDefaultSeconds = 40;

}  // namespace

kube::ObjectKey AgentLeaseKey(const Observed& observed, std::string_view node) {
  return {observed.node_jobs->name_space, node::AgentLeaseName(node)};
}

absl::Duration AgentLeaseDuration(const nlohmann::json& lease) {
  const nlohmann::json* seconds = Find(lease, {"spec", "leaseDurationSeconds"});
  const bool said = seconds != nullptr && seconds->is_number_integer();
  return absl::Seconds(said ? seconds->get<int>() : kDefaultSeconds);
}

}  // namespace kr::actions
