#include "reconcilers/actions/recreation.h"

#include <algorithm>
#include <utility>

#include "controller/kube/request.h"
#include "crds/meta/duration.h"
#include "crds/meta/time.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/managed_fields.h"
#include "reconcilers/actions/patch_rules.h"
#include "reconcilers/service/load_balancer.h"
#include "reconcilers/service/manifest.h"

namespace kr::actions {

using nlohmann::json;

std::string Recreation::stage() const {
  return FindText(memo, {kStage});
}

absl::Time Recreation::since() const {
  return crds::ParseTime(FindText(memo, {kSince})).value_or(observed.step_started);
}

json Recreation::Enter(const char* stage) const {
  json entered = memo;
  entered[kStage] = stage;
  entered[kSince] = crds::FormatTime(observed.now);
  return entered;
}

Wait Recreation::Again(std::string progress, absl::Time deadline) const {
  const absl::Time next =
      observed.now + std::clamp(elapsed() / 8, absl::Seconds(1), absl::Seconds(10));
  return {.until = deadline > observed.now ? std::min(deadline, next) : next,
          .progress = std::move(progress),
          .memo = nullptr,
          .reread = true};
}

json Recreation::Wanted(const json& service) const {
  json wanted = service::Restored(service, memo[kFields]);
  const json* set = Find(memo, {kSet});
  for (const json& value : set != nullptr ? *set : json::array()) {
    const std::string path = FindText(value, {"path"});
    if (!value.contains("value")) {
      RemoveAt(wanted, path);
      continue;
    }
    // A list that has become too short since has no place for it: then it stays as it is.
    if (!SetAt(wanted, path, value["value"]).ok()) continue;
  }
  return wanted;
}

bool IsLoadBalancer(const json& service) {
  return FindText(service, {"spec", "type"}) == "LoadBalancer";
}

bool IsGoing(const json& object) {
  return Find(object, {"metadata", "deletionTimestamp"}) != nullptr;
}

std::string HoldersText(const json& object) {
  const json* finalizers = Find(object, {"metadata", "finalizers"});
  return finalizers == nullptr ? "no finalizer holds it" : "held by " + finalizers->dump();
}

std::string OrNone(const std::string& addresses) {
  return addresses.empty() ? "none" : addresses;
}

kube::HttpRequest CreateRequest(const json& manifest, const Observed& observed, bool dry_run) {
  kube::WriteOptions options{.dry_run = dry_run, .field_manager = kFieldManager};
  options.server_timeout = observed.server_timeout;
  return kube::CreateObject(observed.ref.resource, observed.ref.key.name_space, manifest, options);
}

Next Contended(const Observed& observed) {
  const std::string manager = LastOtherManager(*observed.live, kFieldManager);
  return Failed{"Contended", (manager.empty() ? "somebody" : manager) + " has set the type of " +
                                 ObjectText(observed.ref) + " to " +
                                 FindText(*observed.live, {"spec", "type"}) +
                                 " in the middle of it"};
}

std::optional<Next> AwaitAddress(const Recreation& r, const json& made) {
  if (!service::Addresses(made).empty()) return std::nullopt;
  const absl::Time deadline = r.since() + r.params.timeout;
  if (r.observed.now < deadline) {
    return r.Again("waiting for the address of the new load balancer", deadline);
  }
  return Failed{"NoNewAddress", "after " + crds::FormatDuration(r.params.timeout) +
                                    " there is no new address. " + ObjectText(r.observed.ref) +
                                    " is a LoadBalancer with all that it had; its Events say what "
                                    "its controller waits for" +
                                    StandInText(r)};
}

Next Recreated(const Recreation& r, const json& made) {
  const std::string before = FindText(r.memo, {kAddresses});
  const std::string after = service::Addresses(made);
  std::string message = ObjectText(r.observed.ref) + " has a new load balancer: ";
  message += before == after ? "the address is still " + after
                             : "the address was " + OrNone(before) + " and is " + after;
  const std::string differences = service::Differences(r.memo[kFields], made);
  if (!differences.empty()) message += " (" + differences + ")";
  Done done{.message = message};
  if (before != after || !differences.empty()) {
    done.announcement = std::move(message);
    done.event = "LoadBalancerRecreated";
  }
  return done;
}

}  // namespace kr::actions
