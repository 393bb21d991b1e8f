#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "crds/v1alpha1/service_steps.h"
#include "reconcilers/actions/action.h"

// The stages of a recreateService. Each is entered with the write that it is named after, and asked
// again until it is over; it knows its memo, and what it sees now.
namespace kr::actions {

// In the memo.
inline constexpr char kStage[] = "stage";
inline constexpr char kSince[] = "since";  // the stage was entered
inline constexpr char kAddresses[] = "addresses";
inline constexpr char kFields[] = "fields";  // service::LoadBalancerFields
inline constexpr char kHeld[] = "held";      // whether a finalizer shows when the old one is gone
inline constexpr char kSet[] = "set";
inline constexpr char kManifest[] = "manifest";
inline constexpr char kStandIn[] = "standIn";  // {"name", "addresses" once it served}
inline constexpr char kFailure[] = "failure";

inline constexpr char kRehearsal[] = "rehearsal";  // in Observed::looked

// The stages.
inline constexpr char kMakeStandIn[] = "makeStandIn";
inline constexpr char kTakeDown[] = "takeDown";
inline constexpr char kBringBack[] = "bringBack";
inline constexpr char kDelete[] = "delete";
inline constexpr char kMakeAgain[] = "makeAgain";
inline constexpr char kRemoveStandIn[] = "removeStandIn";

// One look at one recreation. What it refers to outlives it.
struct Recreation {
  const crds::RecreateService& params;
  const nlohmann::json& memo;
  const Observed& observed;

  const nlohmann::json& live() const { return *observed.live; }
  std::string stage() const;
  absl::Time since() const;
  absl::Duration elapsed() const { return observed.now - since(); }
  bool has_stand_in() const { return memo.contains(kStandIn); }
  Recreation With(const nlohmann::json& other_memo) const { return {params, other_memo, observed}; }

  // The memo for a write that enters `stage`.
  nlohmann::json Enter(const char* stage) const;
  // Reads again, soon at first and then less and less often.
  Wait Again(std::string progress, absl::Time deadline = absl::InfiniteFuture()) const;
  // The Service as it is to be in the end, made of what it is now.
  nlohmann::json Wanted(const nlohmann::json& service) const;
};

bool IsLoadBalancer(const nlohmann::json& service);
bool IsGoing(const nlohmann::json& object);
std::string HoldersText(const nlohmann::json& object);  // which finalizers hold it
std::string OrNone(const std::string& addresses);
// POST of a Service.
kube::HttpRequest CreateRequest(const nlohmann::json& manifest, const Observed& observed,
                                bool dry_run);

// Somebody else has set the type meanwhile.
Next Contended(const Observed& observed);
// Until `made` has an address; Failed when it does not come; nullopt when it is there.
std::optional<Next> AwaitAddress(const Recreation& r, const nlohmann::json& made);
// Done: says old and new address.
Next Recreated(const Recreation& r, const nlohmann::json& made);

// recreation_by_type.cc
nlohmann::json TakeDownPatch(const nlohmann::json& service);
Next TakeDown(const Recreation& r);
Next AwaitOldGone(const Recreation& r);  // in kTakeDown
Next AwaitNew(const Recreation& r);      // in kBringBack

// recreation_resume.cc
// Of a Service that is no load balancer: completes what an earlier recreation has left so; nullopt
// when none has, or somebody else has set the type since.
std::optional<Next> Resume(const crds::RecreateService& params, const Observed& observed);

// recreation_anew.cc
// Asks whether rights and admission would let the Service be deleted: better before its load
// balancer is taken down than after. The answer is looked[kRehearsal].
Look RehearseDeletion(const Observed& observed);
kube::HttpRequest LookAtItself(const Observed& observed);
Next DeleteOld(const Recreation& r);
Next AwaitMade(const Recreation& r);  // in kDelete and kMakeAgain

// recreation_stand_in.cc
std::string StandInName(const Observed& observed);
std::string StandInText(const Recreation& r);  // "; Service net/x stands in until then", or ""
Next MakeStandIn(const Recreation& r);
Next AwaitStandIn(const Recreation& r);   // in kMakeStandIn
Next RemoveStandIn(const Recreation& r);  // also in kRemoveStandIn

}  // namespace kr::actions
