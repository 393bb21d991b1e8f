// Another Service of the same pods has a load balancer from before the first one goes until after
// the second has come: nobody is without.
#include <utility>

#include "controller/base/digest.h"
#include "controller/kube/request.h"
#include "crds/meta/duration.h"
#include "crds/v1alpha1/common.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/recreation.h"
#include "reconcilers/service/load_balancer.h"
#include "reconcilers/service/manifest.h"

namespace kr::actions {
namespace {

using nlohmann::json;

ObjectRef StandIn(const Recreation& r) {
  return {r.observed.ref.resource,
          {r.observed.ref.key.name_space, FindText(r.memo, {kStandIn, "name"})},
          ""};
}

std::string NameOf(const Recreation& r) {
  return "Service " + StandIn(r).key.ToString();
}

Next Removed(const Recreation& r) {
  if (const std::string failure = FindText(r.memo, {kFailure}); !failure.empty()) {
    return Failed{"NoStandIn", failure};
  }
  if (r.live().is_null() || !r.memo[kStandIn].contains("addresses")) {
    return Failed{"Stopped", "the stand-in was removed again, nothing else was touched"};
  }
  return Recreated(r, r.live());
}

}  // namespace

std::string StandInName(const Observed& observed) {
  const crds::StepId& step = observed.step;
  const std::string whose = observed.remediation->metadata.uid + "/" + step.remedy + "/" +
                            std::to_string(step.attempt) + "/" + std::to_string(step.step) + "/" +
                            std::to_string(step.item);
  // At most 63 letters.
  return observed.ref.key.name.substr(0, 45) + "-stands-in-" + Sha256Hex(whose).substr(0, 6);
}

std::string StandInText(const Recreation& r) {
  return r.has_stand_in() ? "; " + NameOf(r) + " stands in until then" : "";
}

Next MakeStandIn(const Recreation& r) {
  const ObjectRef ref = StandIn(r);
  json manifest = service::Renamed(service::Manifest(r.Wanted(r.live())), ref.key.name);
  json& metadata = manifest["metadata"];
  metadata["labels"][std::string(crds::kExcludeLabel)] = "true";  // no policy is about it
  // It goes with the Service, should somebody delete that.
  metadata["ownerReferences"] = {{{"apiVersion", "v1"},
                                  {"kind", "Service"},
                                  {"name", r.observed.ref.key.name},
                                  {"uid", FindText(r.live(), {"metadata", "uid"})}}};
  return Write{.request = CreateRequest(manifest, r.observed, /*dry_run=*/false),
               .verb = "Create",
               .summary = "make " + NameOf(r) + ", which stands in for " + r.observed.ref.key.name,
               .memo = r.Enter(kMakeStandIn),
               .object = ref};
}

Next AwaitStandIn(const Recreation& r) {
  if (auto need = NeedLive(r.observed)) return *std::move(need);
  const kube::HttpRequest look = kube::GetObject(r.observed.ref.resource, StandIn(r).key);
  const json* found = FindFound(r.observed, look);
  if (found == nullptr) return LookAt(look);
  if (r.observed.stopping) return RemoveStandIn(r);
  if (found->is_null()) return MakeStandIn(r);
  const std::string addresses = service::Addresses(*found);
  if (addresses.empty()) {
    const absl::Time deadline = r.since() + r.params.timeout;
    if (r.observed.now < deadline) {
      return r.Again("waiting for the address of " + NameOf(r), deadline);
    }
    json failed = r.memo;
    failed[kFailure] = NameOf(r) + " got no address within " +
                       crds::FormatDuration(r.params.timeout) + "; " + ObjectText(r.observed.ref) +
                       " was not touched";
    return RemoveStandIn(r.With(failed));
  }
  const absl::Time both = service::AddressChangedAt(*found).value_or(r.since()) + r.params.overlap;
  if (r.observed.now < both) {
    return r.Again(NameOf(r) + " stands in with " + addresses + ", both serve for " +
                       crds::FormatDuration(r.params.overlap),
                   both);
  }
  if (!IsLoadBalancer(r.live())) return Contended(r.observed);
  json next = r.memo;
  next[kStandIn]["addresses"] = addresses;
  return TakeDown(r.With(next));
}

Next RemoveStandIn(const Recreation& r) {
  ObjectRef ref = StandIn(r);
  const kube::HttpRequest look = kube::GetObject(ref.resource, ref.key);
  const json* found = FindFound(r.observed, look);
  if (found == nullptr) return LookAt(look);
  if (found->is_null()) return Removed(r);
  const bool removing = r.stage() == kRemoveStandIn;
  const absl::Time deadline = r.since() + r.params.timeout;
  if (removing && r.observed.now >= deadline) {
    return Failed{"StandInRemains", NameOf(r) + " has not gone within " +
                                        crds::FormatDuration(r.params.timeout) + ": " +
                                        HoldersText(*found)};
  }
  if (IsGoing(*found)) {
    return r.Again("waiting until " + NameOf(r) + " is gone: " + HoldersText(*found), deadline);
  }
  ref.uid = FindText(*found, {"metadata", "uid"});
  return Write{.request = kube::DeleteObject(ref.resource, ref.key,
                                             {.uid = ref.uid, .propagation = "Background"},
                                             {.server_timeout = r.observed.server_timeout}),
               .verb = "Delete",
               .summary = "remove " + NameOf(r) + ", which stood in",
               .memo = removing ? r.memo : r.Enter(kRemoveStandIn),
               .object = ref};
}

}  // namespace kr::actions
