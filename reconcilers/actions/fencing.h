#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/actions/action.h"

// Fencing: that a node is off, and held off, so that what it ran can be taken away by force without
// a second copy of it (semantics 8.5). Nothing in the cluster can say that: a stale lease is no
// proof of death. A webhook that can (a cloud, a BMC, a fence agent) says so in the evidence of its
// answer, by sending back what the call carried for it, and two words more:
//
//   "evidence": {"fencing": {"state": "Off", "heldOff": true, "remediationUID": "...",
//                            "nodeUID": "...", "bootID": "...", "nonce": "..."}}
//
// It holds for this Remediation, this node and this boot of it, for ten minutes, and as long as
// neither the node's lease nor that of its agent has been renewed since. Where there is an agent,
// its lease has to run out first, by our own observation: an agent that renews it is the best proof
// that the host runs, and that the webhook means another machine.
namespace kr::actions {

inline constexpr char kFencing[] = "fencing";
inline constexpr absl::Duration kFencingHolds = absl::Minutes(10);
inline constexpr char kOutOfServiceTaint[] = "node.kubernetes.io/out-of-service";

// What a call about a node asks for: the object above without the two words. `node` is live.
nlohmann::json FencingQuestion(const crds::Remediation& remediation, const nlohmann::json& node,
                               std::string_view nonce);

// Whether what an answer calls evidence is about fencing at all.
bool IsFencing(const nlohmann::json& evidence);

// Beside what the webhook said: what the leases of the node and of its agent say now ("": there is
// none). The action that got the evidence asks for it. Look: one is to be read.
std::optional<Next> NoteLeases(const Observed& observed, nlohmann::json& evidence);

// In the record, beside what the webhook said: when that came.
nlohmann::json KeptFencing(nlohmann::json evidence, absl::Time received);

// Makes sure, by live reads that are not older than a moment, that `node_name` is fenced.
// Look: these are to be made. Wait: its agent may yet renew its lease. Failed(NotFenced,
// FencingVoid): it is not (any more). nullopt: it is.
std::optional<Next> NeedFencing(const Observed& observed, std::string_view node_name);

// get of nodes and of their leases.
std::vector<RbacRule> FencingRules();

}  // namespace kr::actions
