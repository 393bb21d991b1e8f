#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"
#include "crds/meta/json_find.h"
#include "reconcilers/actions/action.h"

// What all actions that change an object have in common.
namespace kr::actions {

// In a memo: why the change cannot be taken back.
inline constexpr char kNoUndo[] = "noUndo";
// In a memo: the pre-image.
inline constexpr char kBefore[] = "before";
// Pre-images are kept in the status of the Remediation, which has to hold a whole plan.
inline constexpr size_t kMaxPreImageBytes = 16 * 1024;

using crds::Find;
using crds::FindText;

// The ownerReference of the object's controller; nullptr when it has none.
const nlohmann::json* FindController(const nlohmann::json& object);

// A Look that is told from others by its request...
Look LookAt(kube::HttpRequest request);
// ...and what it has found; nullptr when it was not asked for yet.
const nlohmann::json* FindFound(const Observed& observed, const kube::HttpRequest& request);
// What a look of that name found; nullptr when it is longer ago than `within`, or was not made.
const nlohmann::json* FreshLook(const Observed& observed, std::string_view name,
                                absl::Duration within);

// "DaemonSet kube-system/calico-node", for messages.
std::string ObjectText(const ObjectRef& ref);

// What has to happen before an action may look at `observed.live` at all: Read when it is not
// there, Failed(TargetGone) when the object is gone, going, or another one of the same name.
std::optional<Next> NeedLive(const Observed& observed);

// Why nothing of a change can be taken back at all: it was not kept what was before, or the object
// is gone; nullopt: its fields decide.
std::optional<std::string> LeftWhole(const nlohmann::json& memo, const Observed& observed);

// Report(ManagedByOther) when the object has a controller: it would set our change back. `instead`
// is what a person may do at the owner: "set A=1 in container c".
std::optional<Next> RefuseOwned(const Observed& observed, std::string_view instead);

// A patch of Observed::ref under our field manager that is refused (409) unless the object still is
// what was read.
kube::HttpRequest ConditionalPatch(const Observed& observed, kube::PatchType type,
                                   nlohmann::json patch);
// The same as a question, without the condition.
kube::HttpRequest DryRunPatch(const Observed& observed, kube::PatchType type,
                              const nlohmann::json& patch);

// get and patch.
std::vector<RbacRule> PatchRules(const kube::Resource& resource);

}  // namespace kr::actions
