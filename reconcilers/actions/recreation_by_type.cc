// The load balancer goes and comes by the Service's type; the Service stays the same.
#include <algorithm>
#include <utility>

#include "absl/strings/str_replace.h"
#include "crds/meta/duration.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/recreation.h"
#include "reconcilers/service/load_balancer.h"
#include "reconcilers/service/manifest.h"
#include "reconcilers/service/merge_diff.h"

namespace kr::actions {
namespace {

using nlohmann::json;

// A controller without a finalizer shows nothing of its work: it is given this long to see that the
// Service is no load balancer any more.
constexpr absl::Duration kUnseen = absl::Seconds(5);

// Of a message, which holds 1024 letters.
constexpr size_t kMaxPatchShown = 500;

// Whether the write that entered the stage was answered: then it is somebody else who has set the
// type since.
bool WasWritten(const Recreation& r) {
  int64_t applied = 0;
  for (const crds::StepProgress& step : r.observed.remediation->status.steps) {
    if (step.id != r.observed.step) continue;
    applied = std::ranges::count_if(step.writes, [](const crds::WriteRecord& write) {
      return write.verb == crds::Verb::kPatch && write.outcome == crds::WriteOutcome::kApplied;
    });
  }
  return applied > (r.stage() == kBringBack ? 1 : 0);
}

// The state that it stops in, and how a person completes it.
std::string Position(const Recreation& r) {
  const kube::ObjectKey& key = r.observed.ref.key;
  const std::string patch = service::MergeDiff(r.live(), r.Wanted(r.live())).dump();
  // A command that is cut off would do something else.
  const std::string command = patch.size() > kMaxPatchShown
                                  ? "set its type and the fields that status.steps[].memo has"
                                  : "kubectl -n " + key.name_space + " patch service " + key.name +
                                        " --type=merge -p '" +
                                        absl::StrReplaceAll(patch, {{"'", "'\\''"}}) + "'";
  return ObjectText(r.observed.ref) + " is of type " + FindText(r.live(), {"spec", "type"}) +
         " now, with the cluster IP and ports that it had; no other load balancer was asked for. "
         "When the old one is gone: " +
         command + StandInText(r);
}

Next BringBack(const Recreation& r) {
  json wanted = r.Wanted(r.live());
  // Somebody may have got the port meanwhile: better another one than no load balancer.
  if (r.elapsed() >= 2 * r.params.timeout) wanted["spec"].erase("healthCheckNodePort");
  const json patch = service::MergeDiff(r.live(), wanted);
  if (!r.observed.dry_run) {
    return DryRun{DryRunPatch(r.observed, kube::PatchType::kMerge, patch)};
  }
  if (r.observed.dry_run->is_null()) {
    const std::string why(Message(r.observed.dry_run_refused));
    const absl::Time deadline = r.since() + 3 * r.params.timeout;
    if (r.observed.now < deadline) {
      return r.Again("the server does not take it back yet: " + why, deadline);
    }
    return Failed{"RestoreRefused",
                  "the old load balancer is gone, and the server does not take the Service back: " +
                      why + ". " + Position(r)};
  }
  return Write{.request = ConditionalPatch(r.observed, kube::PatchType::kMerge, patch),
               .verb = "Patch",
               .summary = "ask for a new load balancer for " + ObjectText(r.observed.ref),
               .memo = r.Enter(kBringBack)};
}

}  // namespace

json TakeDownPatch(const json& service) {
  return service::MergeDiff(service, service::WithoutLoadBalancer(service));
}

Next TakeDown(const Recreation& r) {
  const json& live = r.live();
  return Write{
      .request = ConditionalPatch(r.observed, kube::PatchType::kMerge, TakeDownPatch(live)),
      .verb = "Patch",
      .summary = "take the load balancer of " + ObjectText(r.observed.ref) + " (" +
                 OrNone(service::Addresses(live)) + ") down: type " +
                 std::string(service::TypeWithout(live)) + " until it is gone",
      .memo = r.Enter(kTakeDown)};
}

Next AwaitOldGone(const Recreation& r) {
  if (auto need = NeedLive(r.observed)) return *std::move(need);
  if (IsLoadBalancer(r.live())) {
    if (WasWritten(r)) return Contended(r.observed);
    if (r.observed.stopping && r.has_stand_in()) return RemoveStandIn(r);
    return TakeDown(r);
  }
  const absl::Time deadline = r.since() + r.params.timeout;
  if (const std::string remains = service::RemainsOfLoadBalancer(r.live()); !remains.empty()) {
    if (r.observed.now < deadline) {
      return r.Again("waiting for the old load balancer to go: " + remains, deadline);
    }
    return Failed{"OldLoadBalancerRemains", "after " + crds::FormatDuration(r.params.timeout) +
                                                " the old load balancer (" +
                                                OrNone(FindText(r.memo, {kAddresses})) +
                                                ") has not gone: " + remains + ". " + Position(r)};
  }
  if (r.memo.value(kHeld, true) == false && r.elapsed() < kUnseen) {
    return r.Again("giving the load balancer's controller time to see it", r.since() + kUnseen);
  }
  // Who wants it to stop gets the Service back the shortest way.
  const bool anew = r.params.strategy == crds::RecreateStrategy::kDeleteCreate;
  return anew && !r.observed.stopping ? DeleteOld(r) : BringBack(r);
}

Next AwaitNew(const Recreation& r) {
  if (auto need = NeedLive(r.observed)) return *std::move(need);
  if (!IsLoadBalancer(r.live())) return WasWritten(r) ? Contended(r.observed) : BringBack(r);
  if (auto wait = AwaitAddress(r, r.live())) return *std::move(wait);
  if (!r.has_stand_in()) return Recreated(r, r.live());
  const absl::Time both =
      service::AddressChangedAt(r.live()).value_or(r.since()) + r.params.overlap;
  if (r.observed.now < both && !r.observed.stopping) {
    return r.Again("both load balancers serve until " +
                       absl::FormatTime(absl::RFC3339_sec, both, absl::UTCTimeZone()),
                   both);
  }
  return RemoveStandIn(r);
}

}  // namespace kr::actions
