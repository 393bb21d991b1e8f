#include "reconcilers/actions/node_command_path.h"

#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"
#include "crds/meta/duration.h"
#include "crds/meta/text.h"
#include "crds/meta/time.h"
#include "reconcilers/actions/agent_lease.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/node/resources.h"

namespace kr::actions {
namespace {

using nlohmann::json;

// In a memo: the renewTime that the lease had when it was first looked at.
constexpr char kRenewTime[] = "renewTime";
// And when it is looked at again; whatever wakes us before that, it is too early to say.
constexpr char kAgainAt[] = "againAt";
// Longer than agents take to renew theirs.
constexpr absl::Duration kSecondLook = absl::Seconds(15);

enum class Fresh { kYes, kNo, kLookAgain };

struct AgentLease {
  Fresh fresh = Fresh::kNo;
  std::string text;  // about it, for people
  std::string renew_time;
};

absl::Time AgainAt(const json& memo, const Observed& observed) {
  const json* at = Find(memo, {kAgainAt});
  if (at == nullptr || !at->is_number_integer()) return observed.now + kSecondLook;
  return absl::FromUnixMillis(at->get<int64_t>());
}

AgentLease Judge(const json& lease, const json& memo, const Observed& observed) {
  const std::string name = AgentLeaseKey(observed, observed.ref.key.name).ToString();
  if (lease.is_null()) return {Fresh::kNo, "there is no agent on it (no lease " + name + ")", ""};
  AgentLease judged{.renew_time = FindText(lease, {"spec", "renewTime"})};
  const auto renewed = crds::ParseTime(judged.renew_time);
  const absl::Duration duration = AgentLeaseDuration(lease);
  const std::string before = FindText(memo, {kRenewTime});
  if (renewed && (absl::AbsDuration(observed.now - *renewed) < duration ||
                  (!before.empty() && before != judged.renew_time))) {
    judged.fresh = Fresh::kYes;
    return judged;
  }
  judged.text = "its agent has not renewed the lease " + name + " since " +
                (judged.renew_time.empty() ? "it was made" : judged.renew_time);
  const bool too_early = !before.empty() && observed.now < AgainAt(memo, observed);
  judged.fresh = renewed && (before.empty() || too_early) ? Fresh::kLookAgain : Fresh::kNo;
  return judged;
}

struct Ready {
  std::string status = "Unknown";
  std::string message;
};

Ready ReadyOf(const json& node) {
  const json* conditions = Find(node, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return {};
  for (const json& condition : *conditions) {
    if (FindText(condition, {"type"}) != "Ready") continue;
    return {FindText(condition, {"status"}), FindText(condition, {"message"})};
  }
  return {};
}

}  // namespace

std::variant<crds::TaskVia, Next> ChoosePath(crds::CommandPath via,
                                             const crds::NodeCommandSpec& command, const json& memo,
                                             const Observed& observed) {
  const bool only_agent = command.needs_agent || via == crds::CommandPath::kAgent;
  const Ready ready = ReadyOf(*observed.live);
  if (!only_agent && (via == crds::CommandPath::kJob || ready.status == "True")) {
    return crds::TaskVia::kJob;
  }
  const auto lease = observed.looked.find(kSeenLease);
  if (lease == observed.looked.end()) {
    return Next(
        Look{kube::GetObject(node::LeaseResource(), AgentLeaseKey(observed, observed.ref.key.name)),
             kSeenLease});
  }
  const AgentLease agent = Judge(lease->second.object, memo, observed);
  if (agent.fresh == Fresh::kYes) return crds::TaskVia::kAgent;
  if (agent.fresh == Fresh::kLookAgain) {
    const absl::Time at = AgainAt(memo, observed);
    return Next(Wait{.until = at,
                     .progress = agent.text + "; looking whether it does",
                     .memo = {{kRenewTime, agent.renew_time}, {kAgainAt, absl::ToUnixMillis(at)}},
                     .reread = true});
  }
  const std::string node = ObjectText(observed.ref);
  if (only_agent) return Next(Failed{"NoAgent", node + " needs its agent for this: " + agent.text});
  if (ready.status == "False") return crds::TaskVia::kJob;
  return Next(Failed{"Unreachable", node + " does not report (Ready=" + ready.status + ") and " +
                                        agent.text + ": nothing can be run on it from here"});
}

}  // namespace kr::actions
