#include "reconcilers/actions/change.h"

namespace kr::actions {
namespace {

kube::WriteOptions OptionsOf(const Observed& observed) {
  kube::WriteOptions options;
  options.field_manager = kFieldManager;
  options.server_timeout = observed.server_timeout;
  return options;
}

}  // namespace

const nlohmann::json* FindController(const nlohmann::json& object) {
  const nlohmann::json* owners = Find(object, {"metadata", "ownerReferences"});
  if (owners == nullptr || !owners->is_array()) return nullptr;
  for (const nlohmann::json& owner : *owners) {
    const nlohmann::json* controller = Find(owner, {"controller"});
    if (controller != nullptr && *controller == true) return &owner;
  }
  return nullptr;
}

Look LookAt(kube::HttpRequest request) {
  Look look{.request = std::move(request)};
  look.name = look.request.target;
  return look;
}

const nlohmann::json* FindFound(const Observed& observed, const kube::HttpRequest& request) {
  const auto seen = observed.looked.find(request.target);
  return seen == observed.looked.end() ? nullptr : &seen->second.object;
}

const nlohmann::json* FreshLook(const Observed& observed, std::string_view name,
                                absl::Duration within) {
  const auto seen = observed.looked.find(name);
  if (seen == observed.looked.end() || seen->second.at + within < observed.now) return nullptr;
  return &seen->second.object;
}

std::string ObjectText(const ObjectRef& ref) {
  return ref.resource.gvk.kind + " " + ref.key.ToString();
}

std::optional<Next> NeedLive(const Observed& observed) {
  if (!observed.live) return Read{};
  const nlohmann::json& live = *observed.live;
  auto gone = [&](std::string_view how) {
    return Failed{"TargetGone", ObjectText(observed.ref).append(" ").append(how)};
  };
  if (live.is_null()) return gone("does not exist");
  if (!observed.ref.uid.empty() && FindText(live, {"metadata", "uid"}) != observed.ref.uid) {
    return gone("was replaced by another object of that name");
  }
  if (Find(live, {"metadata", "deletionTimestamp"}) != nullptr) return gone("is being deleted");
  return std::nullopt;
}

std::optional<std::string> LeftWhole(const nlohmann::json& memo, const Observed& observed) {
  if (std::string why = WhyNoUndo(memo); !why.empty()) return why;
  const std::optional<Next> need = NeedLive(observed);
  if (!need) return std::nullopt;
  const Failed* failed = std::get_if<Failed>(&*need);
  return failed != nullptr ? failed->message : ObjectText(observed.ref) + " was not read";
}

std::optional<Next> RefuseOwned(const Observed& observed, std::string_view instead) {
  const nlohmann::json* owner = FindController(*observed.live);
  if (owner == nullptr) return std::nullopt;
  std::string name = FindText(*owner, {"kind"}) + " " + FindText(*owner, {"name"}) + " (" +
                     FindText(*owner, {"apiVersion"}) + ")";
  return Report{"ManagedByOther", ObjectText(observed.ref) + " is managed by " + name +
                                      ", which would set a change of it back; " +
                                      std::string(instead) + " there instead"};
}

kube::HttpRequest ConditionalPatch(const Observed& observed, kube::PatchType type,
                                   nlohmann::json patch) {
  patch["metadata"]["resourceVersion"] = FindText(*observed.live, {"metadata", "resourceVersion"});
  return kube::PatchObject(observed.ref.resource, observed.ref.key, "", type, patch,
                           OptionsOf(observed));
}

kube::HttpRequest DryRunPatch(const Observed& observed, kube::PatchType type,
                              const nlohmann::json& patch) {
  kube::WriteOptions options = OptionsOf(observed);
  options.dry_run = true;
  return kube::PatchObject(observed.ref.resource, observed.ref.key, "", type, patch, options);
}

std::vector<RbacRule> PatchRules(const kube::Resource& resource) {
  return {{resource.gvk.group, resource.plural, "get"},
          {resource.gvk.group, resource.plural, "patch"}};
}

}  // namespace kr::actions
