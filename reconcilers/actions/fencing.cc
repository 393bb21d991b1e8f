#include "reconcilers/actions/fencing.h"

#include <algorithm>
#include <utility>

#include "controller/kube/request.h"
#include "crds/meta/duration.h"
#include "crds/meta/nodes.h"
#include "crds/meta/time.h"
#include "reconcilers/actions/agent_lease.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/webhook_call.h"
#include "reconcilers/node/resources.h"

namespace kr::actions {
namespace {

using nlohmann::json;

constexpr char kReceived[] = "receivedAt";
constexpr char kRenewTime[] = "renewTime";
// A look at the node or its lease that is older says nothing about now.
constexpr absl::Duration kLooksHold = absl::Seconds(2);
constexpr char kNodeLook[] = "fencing/node";
constexpr char kLeaseLook[] = "fencing/lease";
constexpr char kAgentRenewTime[] = "agentRenewTime";
constexpr char kAgentLook[] = "fencing/agent";

std::string BootOf(const json& node) {
  return FindText(node, {"status", "nodeInfo", "bootID"});
}

Failed NotFenced(std::string message) {
  return {"NotFenced", std::move(message)};
}
Failed Void(std::string message) {
  return {"FencingVoid", std::move(message)};
}

// The webhook steps of this remediation, with the key that their calls carried.
bool IsNonceOfCall(const Observed& observed, const std::string& nonce) {
  for (const crds::StepProgress& step : observed.remediation->status.steps) {
    if (step.action != "webhook") continue;
    Observed then{.remediation = observed.remediation, .step = step.id};
    if (IdempotencyKey(then) == nonce) return true;
  }
  return false;
}

// Whether the webhook of that name has said so: what remedies[].record keeps under the same key
// comes from objects that anybody may have written.
bool WasSaid(const crds::RemediationStatus& status, const std::string& webhook,
             const json& fencing) {
  const std::string nonce = FindText(fencing, {"nonce"});
  return std::any_of(status.evidence.begin(), status.evidence.end(), [&](const auto& evidence) {
    if (evidence.source != "webhook." + webhook) return false;
    const json said = json::parse(evidence.message, nullptr, /*allow_exceptions=*/false);
    return FindText(said, {kFencing, "nonce"}) == nonce;
  });
}

// The newest word about fencing in the record of the remediation.
std::optional<json> EvidenceOf(const crds::RemediationStatus& status) {
  if (status.record.empty()) return std::nullopt;
  std::optional<json> newest;
  const json record = status.record.Parse();
  for (const auto& [source, kept] : record.items()) {
    const json* fencing = Find(kept, {kFencing});
    if (fencing == nullptr || !fencing->is_object()) continue;
    if (!WasSaid(status, source, *fencing)) continue;
    // Times in UTC of one length: the order of the texts is that of the times.
    if (!newest || FindText(*fencing, {kReceived}) > FindText(*newest, {kReceived})) {
      newest = *fencing;
    }
  }
  return newest;
}

// What is wrong with the evidence whatever the node does now; nullopt: nothing.
std::optional<Failed> Fault(const json& evidence, const Observed& observed) {
  if (FindText(evidence, {"state"}) != "Off") {
    return NotFenced("the evidence does not say that the node is off: expected state \"Off\"");
  }
  const json* held = Find(evidence, {"heldOff"});
  if (held == nullptr || *held != true) {
    return NotFenced(
        "the evidence does not say that the node is held off: expected heldOff true, or it may "
        "come back at any moment");
  }
  if (FindText(evidence, {"remediationUID"}) != observed.remediation->metadata.uid) {
    return NotFenced("the evidence is about another Remediation");
  }
  if (!IsNonceOfCall(observed, FindText(evidence, {"nonce"}))) {
    return NotFenced("the evidence does not carry the nonce of a call of this Remediation");
  }
  const auto received = crds::ParseTime(FindText(evidence, {kReceived}));
  if (!received || observed.now > *received + kFencingHolds) {
    return Void("the evidence is older than " + crds::FormatDuration(kFencingHolds) +
                ": ask the webhook again");
  }
  return std::nullopt;
}

Look LookAtLease(const std::string& node) {
  return {kube::GetObject(node::LeaseResource(), {crds::kNodeLeases, node}), kLeaseLook};
}

Look LookAtAgent(const Observed& observed, std::string_view node) {
  return {kube::GetObject(node::LeaseResource(), AgentLeaseKey(observed, node)), kAgentLook};
}

// What speaks against force in the lease of the agent; nullopt: nothing. Its times are those of
// another clock, so they are only compared with each other.
std::optional<Next> JudgeAgent(const json& lease, const json& evidence, std::string_view node,
                               const Observed& observed) {
  const std::string renewed = FindText(lease, {"spec", "renewTime"});
  if (renewed.empty()) return std::nullopt;  // there is none
  const std::string whose = "the agent on Node " + std::string(node) + " has renewed its lease " +
                            AgentLeaseKey(observed, node).ToString();
  if (renewed != FindText(evidence, {kAgentRenewTime})) {
    return Void(whose + " since (" + renewed + "): the host runs, whatever was switched off");
  }
  const absl::Duration silence = AgentLeaseDuration(lease);
  const absl::Time silent = *crds::ParseTime(FindText(evidence, {kReceived})) + silence;
  if (observed.now >= silent) return std::nullopt;
  return Wait{.until = silent,
              .progress = whose + " at " + renewed + ": nothing is forced before " +
                          crds::FormatTime(silent) + ", and not if it does so again",
              .memo = nullptr,
              .reread = true};
}

}  // namespace

json FencingQuestion(const crds::Remediation& remediation, const json& node,
                     std::string_view nonce) {
  return {{"remediationUID", remediation.metadata.uid},
          {"nodeUID", FindText(node, {"metadata", "uid"})},
          {"bootID", BootOf(node)},
          {"nonce", nonce}};
}

bool IsFencing(const json& evidence) {
  const json* fencing = Find(evidence, {kFencing});
  return fencing != nullptr && fencing->is_object();
}

std::optional<Next> NoteLeases(const Observed& observed, json& evidence) {
  const std::string& node = observed.ref.key.name;
  const std::pair<const char*, Look> leases[] = {{kRenewTime, LookAtLease(node)},
                                                 {kAgentRenewTime, LookAtAgent(observed, node)}};
  for (const auto& [noted, look] : leases) {
    const auto seen = observed.looked.find(look.name);
    if (seen == observed.looked.end()) return look;
    evidence[kFencing][noted] = FindText(seen->second.object, {"spec", "renewTime"});
  }
  return std::nullopt;
}

json KeptFencing(json evidence, absl::Time received) {
  evidence[kFencing][kReceived] = crds::FormatTime(received);
  return evidence;
}

std::optional<Next> NeedFencing(const Observed& observed, std::string_view node_name) {
  const std::string name(node_name);
  const std::optional<json> evidence = EvidenceOf(observed.remediation->status);
  if (!evidence) {
    return NotFenced("no webhook step of this Remediation has returned evidence that Node " + name +
                     " is off (see docs/webhooks.md, Fencing)");
  }
  if (auto fault = Fault(*evidence, observed)) return *std::move(fault);

  const json* live = FreshLook(observed, kNodeLook, kLooksHold);
  if (live == nullptr) {
    return Look{kube::GetObject(node::NodeResource(), {"", name}), kNodeLook};
  }
  const json* lease = FreshLook(observed, kLeaseLook, kLooksHold);
  if (lease == nullptr) return LookAtLease(name);
  const json* agent = FreshLook(observed, kAgentLook, kLooksHold);
  if (agent == nullptr) return LookAtAgent(observed, name);
  if (!live->is_null()) {
    if (FindText(*live, {"metadata", "uid"}) != FindText(*evidence, {"nodeUID"})) {
      return Void("Node " + name +
                  " is another one than the evidence is about: it has registered "
                  "again");
    }
    if (BootOf(*live) != FindText(*evidence, {"bootID"})) {
      return Void("Node " + name + " has booted since (bootID)");
    }
  }
  const std::string renewed = FindText(*lease, {"spec", "renewTime"});
  if (renewed != FindText(*evidence, {kRenewTime})) {
    return Void("Node " + name + " has renewed its lease since (" + renewed +
                "): it is not off, or not held off");
  }
  return JudgeAgent(*agent, *evidence, name, observed);
}

std::vector<RbacRule> FencingRules() {
  return {{"", "nodes", "get"}, {"coordination.k8s.io", "leases", "get"}};
}

}  // namespace kr::actions
