// The Service is deleted, its load balancer being gone, and made again. From the deletion on there
// is no way back and no state to stop in: it is made again, however long that takes.
#include <algorithm>
#include <string>
#include <utility>

#include "controller/kube/request.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/managed_fields.h"
#include "reconcilers/actions/recreation.h"
#include "reconcilers/service/manifest.h"

namespace kr::actions {
namespace {

using nlohmann::json;

// In the memo of a Wait: what the server said that others have by now.
constexpr char kPortTaken[] = "portTaken";
constexpr char kAddressTaken[] = "addressTaken";

// Ports and addresses are free again at once, or as soon as each API server has heard of it. What
// is still taken then is somebody's, and the Service is gone as long as it is waited for.
constexpr absl::Duration kTakenFor = absl::Minutes(1);

bool IsGivenUp(const Recreation& r, const char* taken, absl::Duration patience) {
  return r.elapsed() >= (r.memo.contains(taken) ? std::min(kTakenFor, patience) : patience);
}

Wait NotYet(const Recreation& r) {
  const std::string why(Message(r.observed.dry_run_refused));
  Wait wait = r.Again("the server does not take it yet: " + why);
  wait.memo = r.memo;
  // The words of the API server's allocators.
  if (why.find("port is already allocated") != std::string::npos) wait.memo[kPortTaken] = true;
  if (why.find("IP is already allocated") != std::string::npos) wait.memo[kAddressTaken] = true;
  return wait;
}

Next MakeAgain(const Recreation& r) {
  json manifest = r.memo[kManifest];
  if (IsGivenUp(r, kPortTaken, r.params.timeout)) {
    manifest = service::WithFreshPorts(std::move(manifest));
  }
  if (IsGivenUp(r, kAddressTaken, 2 * r.params.timeout)) {
    manifest = service::WithFreshAddress(std::move(manifest));
  }
  if (!r.observed.dry_run) return DryRun{CreateRequest(manifest, r.observed, /*dry_run=*/true)};
  if (r.observed.dry_run->is_null()) return NotYet(r);
  // The time that counts for `manifest` is that of the deletion.
  json memo = r.stage() == kMakeAgain ? r.memo : r.Enter(kMakeAgain);
  memo.erase(kPortTaken);
  memo.erase(kAddressTaken);
  return Write{.request = CreateRequest(manifest, r.observed, /*dry_run=*/false),
               .verb = "Create",
               .summary = "make " + ObjectText(r.observed.ref) + " again",
               .memo = std::move(memo),
               .object = ObjectRef{r.observed.ref.resource, r.observed.ref.key, ""}};
}

// `version`: that it must have; "" for any.
kube::HttpRequest Deletion(const Observed& observed, std::string version, bool dry_run) {
  return kube::DeleteObject(observed.ref.resource, observed.ref.key,
                            {.uid = FindText(*observed.live, {"metadata", "uid"}),
                             .resource_version = std::move(version),
                             .propagation = "Background"},
                            {.dry_run = dry_run, .server_timeout = observed.server_timeout});
}

}  // namespace

Look RehearseDeletion(const Observed& observed) {
  return {.request = Deletion(observed, "", /*dry_run=*/true), .name = kRehearsal};
}

kube::HttpRequest LookAtItself(const Observed& observed) {
  return kube::GetObject(observed.ref.resource, observed.ref.key);
}

Next DeleteOld(const Recreation& r) {
  json memo = r.Enter(kDelete);
  memo[kManifest] = service::Manifest(r.Wanted(r.live()));
  const std::string version = FindText(r.live(), {"metadata", "resourceVersion"});
  return Write{.request = Deletion(r.observed, version, /*dry_run=*/false),
               .verb = "Delete",
               .summary = "delete " + ObjectText(r.observed.ref) +
                          ", whose load balancer is gone, to make it again",
               .memo = std::move(memo)};
}

Next AwaitMade(const Recreation& r) {
  if (!r.live().is_null()) {
    if (!IsGoing(r.live())) return DeleteOld(r);
    return r.Again("waiting until the old one is deleted: " + HoldersText(r.live()));
  }
  // Whatever has its name by now is another object, which live does not show.
  const json* found = FindFound(r.observed, LookAtItself(r.observed));
  if (found == nullptr) return LookAt(LookAtItself(r.observed));
  if (found->is_null()) return MakeAgain(r);
  if (r.stage() != kMakeAgain || !IsLoadBalancer(*found)) {
    const std::string manager = LastOtherManager(*found, kFieldManager);
    return Failed{"Contended", (manager.empty() ? "somebody" : manager) + " has made another " +
                                   ObjectText(r.observed.ref) +
                                   " while it was gone; it is left as it is"};
  }
  if (auto wait = AwaitAddress(r, *found)) return *std::move(wait);
  return Recreated(r, *found);
}

}  // namespace kr::actions
