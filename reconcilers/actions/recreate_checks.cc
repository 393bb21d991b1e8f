#include "reconcilers/actions/recreate_checks.h"

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"
#include "crds/meta/duration.h"
#include "crds/meta/time.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/recreation.h"
#include "reconcilers/service/load_balancer.h"
#include "reconcilers/service/owner.h"

namespace kr::actions {
namespace {

using nlohmann::json;

std::optional<Next> CheckOwner(const Observed& observed) {
  if (auto owned = RefuseOwned(observed, "recreate it")) return owned;
  const auto owner = service::FindOwner(*observed.live);
  if (!owner) return std::nullopt;
  return Report{"ManagedByOther", ObjectText(observed.ref) + " is managed by " + owner->who +
                                      ", which would interfere: " + owner->what +
                                      " and annotate the Service with " +
                                      service::kAllowAnnotation + "=true, or recreate it there"};
}

std::optional<Next> CheckTimes(const crds::RecreateService& params, const Observed& observed) {
  const json& live = *observed.live;
  const auto recreated = service::TypeSetAt(live, kFieldManager);
  if (recreated && observed.now < *recreated + params.interval) {
    return Failed{"RecreatedRecently",
                  ObjectText(observed.ref) + " was recreated at " + crds::FormatTime(*recreated) +
                      ", not again before " + crds::FormatTime(*recreated + params.interval) +
                      " (interval " + crds::FormatDuration(params.interval) + ")"};
  }
  auto changed = service::AddressChangedAt(live);
  if (!changed) changed = crds::ParseTime(FindText(live, {"metadata", "creationTimestamp"}));
  if (!changed || observed.now >= *changed + params.address_stable_for) return std::nullopt;
  const absl::Time until = *changed + params.address_stable_for;
  return Wait{.until = until,
              .progress = "its address (" + service::Addresses(live) + ") changed at " +
                          crds::FormatTime(*changed) + "; not touched before " +
                          crds::FormatTime(until),
              .memo = nullptr,
              .reread = true};
}

// The garbage collector removes what is made with owners that are gone.
std::optional<Next> CheckOwnersLive(const Observed& observed) {
  const json* owners = Find(*observed.live, {"metadata", "ownerReferences"});
  for (const json& owner : owners != nullptr ? *owners : json::array()) {
    const std::string text = FindText(owner, {"kind"}) + " " + FindText(owner, {"name"});
    const auto resource = observed.find(kube::GroupVersionKind::FromApiVersion(
        FindText(owner, {"apiVersion"}), FindText(owner, {"kind"})));
    if (!resource) {
      return Failed{"OwnerUnknown", "it is owned by " + text +
                                        ", a kind that is not served: a "
                                        "Service made again with it might be collected as garbage"};
    }
    const kube::HttpRequest look = kube::GetObject(
        *resource,
        {resource->namespaced ? observed.ref.key.name_space : "", FindText(owner, {"name"})});
    const json* found = FindFound(observed, look);
    if (found == nullptr) return LookAt(look);
    if (FindText(*found, {"metadata", "uid"}) == FindText(owner, {"uid"})) continue;
    return Failed{"OwnerGone", "its owner " + text +
                                   " is gone: a Service made again would be "
                                   "collected as garbage"};
  }
  return std::nullopt;
}

bool HasSelector(const json& service) {
  const json* selector = Find(service, {"spec", "selector"});
  return selector != nullptr && !selector->empty();
}

// What speaks against deleting it and making it again.
std::optional<Next> CheckDeletion(const Observed& observed) {
  const json& live = *observed.live;
  const std::string which = ObjectText(observed.ref);
  if (!HasSelector(live)) {
    return Failed{"NoSelector", which +
                                    " has no selector: the endpoints that somebody wrote for it "
                                    "would go with it; use TypeFlip"};
  }
  const std::string held = service::ForeignFinalizers(live);
  const std::string name(service::kAllowAnnotation);
  if (!held.empty() && FindText(live, {"metadata", "annotations", name}) != "true") {
    return Failed{"ForeignFinalizer",
                  which + " has the finalizer " + held +
                      ": if nobody takes it off, a Service that is deleted can neither go nor be "
                      "made again; use TypeFlip, or annotate it with " +
                      name + "=true when its controller takes it off"};
  }
  if (auto owners = CheckOwnersLive(observed)) return owners;
  if (!observed.looked.contains(kRehearsal)) return RehearseDeletion(observed);
  return std::nullopt;
}

// What speaks against another Service like it.
std::optional<Next> CheckStandIn(const Observed& observed) {
  const json& live = *observed.live;
  const std::string which = ObjectText(observed.ref);
  if (!HasSelector(live)) {
    return Failed{"NoSelector", which +
                                    " has no selector: another Service like it would have no "
                                    "endpoints; use TypeFlip"};
  }
  if (const std::string fixed = FindText(live, {"spec", "loadBalancerIP"}); !fixed.empty()) {
    return Failed{"FixedAddress", which + " has the loadBalancerIP " + fixed +
                                      ", which two load balancers cannot have at once; use "
                                      "TypeFlip"};
  }
  if (const std::string shared = service::SharedBy(live); !shared.empty()) {
    return Failed{"SharedLoadBalancer",
                  which + " has the annotation " + shared +
                      ": another Service like it would take over its listeners, and remove them "
                      "when it goes; use TypeFlip"};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Next> CheckRecreation(const crds::RecreateService& params, const Observed& observed) {
  const json& live = *observed.live;
  const std::string type = FindText(live, {"spec", "type"});
  if (type != "LoadBalancer") {
    return Failed{"NotALoadBalancer", ObjectText(observed.ref) + " is of type " + type +
                                          ": there is no load balancer to make anew"};
  }
  if (auto owned = CheckOwner(observed)) return owned;
  if (auto early = CheckTimes(params, observed)) return early;
  switch (params.strategy) {
    case crds::RecreateStrategy::kTypeFlip:
      return std::nullopt;
    case crds::RecreateStrategy::kDeleteCreate:
      return CheckDeletion(observed);
    case crds::RecreateStrategy::kBlueGreen:
      return CheckStandIn(observed);
  }
  return std::nullopt;
}

}  // namespace kr::actions
