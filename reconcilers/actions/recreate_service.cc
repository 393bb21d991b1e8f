#include "reconcilers/actions/recreate_service.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "reconcilers/actions/change.h"
#include "reconcilers/actions/computed_value.h"
#include "reconcilers/actions/patch_rules.h"
#include "reconcilers/actions/recreate_checks.h"
#include "reconcilers/actions/recreation.h"
#include "reconcilers/service/load_balancer.h"
#include "reconcilers/service/manifest.h"

namespace kr::actions {
namespace {

using crds::RecreateStrategy;
using nlohmann::json;

class RecreateServiceAction final : public Action {
 public:
  RecreateServiceAction(const crds::RecreateService& params, std::vector<ComputedValue> values)
      : params_(params), values_(std::move(values)) {}

  std::string_view kind() const override { return "recreateService"; }
  Disruption disruption() const override { return Disruption::kWorkload; }
  Reversal reversal() const override { return Reversal::kIrreversible; }
  bool HasSections() const override { return true; }
  std::vector<RbacRule> RequiredRules(const kube::Resource& resource) const override {
    std::vector<RbacRule> rules = PatchRules(resource);
    if (params_.strategy != RecreateStrategy::kTypeFlip) {
      rules.push_back({resource.gvk.group, resource.plural, "create"});
      rules.push_back({resource.gvk.group, resource.plural, "delete"});
    }
    return rules;
  }
  std::vector<const cel::Program*> Expressions() const override { return ProgramsOf(values_); }

  std::string Describe() const override {
    return "give the Service a new load balancer (" + std::string(ToString(params_.strategy)) +
           ")" + TextOf(values_) + "; its address may be another one then";
  }

  Next Ask(const json& memo, const Observed& observed) const override {
    if (!observed.live) return Read{};
    const Recreation r{params_, memo, observed};
    const std::string stage = r.stage();
    if (stage.empty()) return Begin(observed);
    if (stage == kMakeStandIn) return AwaitStandIn(r);
    if (stage == kTakeDown) return AwaitOldGone(r);
    if (stage == kBringBack) return AwaitNew(r);
    if (stage == kRemoveStandIn) return RemoveStandIn(r);
    return AwaitMade(r);
  }

  bool MustComplete(const json& memo, const Observed& observed) const override {
    const std::string stage = FindText(memo, {kStage});
    if (stage.empty()) return false;
    if (stage == kTakeDown || stage == kBringBack) {
      if (!observed.live) return true;
      if (observed.live->is_null()) return false;  // somebody has deleted it
      return !IsLoadBalancer(*observed.live) || memo.contains(kStandIn);
    }
    if (stage != kMakeAgain) return true;
    const json* made = FindFound(observed, LookAtItself(observed));
    return made == nullptr || made->is_null();
  }

 private:
  // --- before

  Next Begin(const Observed& observed) const {
    if (auto need = NeedLive(observed)) return *std::move(need);
    if (observed.ref.resource.gvk.kind != "Service" || !observed.ref.resource.gvk.group.empty()) {
      return Failed{"KindNotSupported", ObjectText(observed.ref) + " is no Service"};
    }
    if (!IsLoadBalancer(*observed.live)) {
      if (auto resumed = Resume(params_, observed)) return *std::move(resumed);
    }
    if (auto instead = CheckRecreation(params_, observed)) return *std::move(instead);
    std::variant<json, Next> set = Values(observed);
    if (auto* instead = std::get_if<Next>(&set)) return std::move(*instead);
    const json& live = *observed.live;
    json memo = {{kAddresses, service::Addresses(live)},
                 {kFields, service::LoadBalancerFields(live)},
                 {kHeld, service::HasCleanupFinalizer(live)}};
    if (json& values = std::get<json>(set); !values.empty()) memo[kSet] = std::move(values);
    const Recreation r{params_, memo, observed};
    if (!observed.dry_run) return DryRun{Question(r)};
    if (observed.dry_run->is_null()) {
      return Failed{"Refused", "the server would not take it: " +
                                   std::string(Message(observed.dry_run_refused))};
    }
    if (params_.strategy != RecreateStrategy::kBlueGreen) return TakeDown(r);
    memo[kStandIn] = {{"name", StandInName(observed)}};
    return MakeStandIn(r);
  }

  // What the server can be asked before the load balancer is touched: whether the first write would
  // pass, and of what is made again, whether webhooks and limits let it in.
  static kube::HttpRequest Question(const Recreation& r) {
    if (r.params.strategy == RecreateStrategy::kTypeFlip) {
      return DryRunPatch(r.observed, kube::PatchType::kMerge, TakeDownPatch(r.live()));
    }
    const json manifest = service::Manifest(r.Wanted(r.live()));
    return CreateRequest(service::Renamed(manifest, StandInName(r.observed)), r.observed,
                         /*dry_run=*/true);
  }

  // The values of `set`, or what to do instead.
  std::variant<json, Next> Values(const Observed& observed) const {
    json set = json::array();
    for (const ComputedValue& value : values_) {
      if (!value.program) {
        set.push_back({{"path", value.place}, {"remove", true}});
        continue;
      }
      StatusOr<json> computed = observed.evaluate(*value.program);
      if (!computed.ok()) {
        return ValueUnknown("the value for " + value.place, *value.program,
                            Message(computed.status()), observed);
      }
      set.push_back({{"path", value.place}, {"value", *std::move(computed)}});
    }
    return set;
  }

  const crds::RecreateService params_;
  const std::vector<ComputedValue> values_;
};

// Where `set` may write: the rest is what makes it this Service.
Status CheckPlace(const std::string& place, RecreateStrategy strategy) {
  KR_RETURN_IF_ERROR(CheckPointer(place));
  const bool inside = place.starts_with("/metadata/annotations/") ||
                      place.starts_with("/metadata/labels/") || place.starts_with("/spec/");
  if (!inside) {
    return InvalidArgument(
        "expected a place in /metadata/annotations, /metadata/labels or /spec, "
        "found " +
        place);
  }
  if (place == "/spec/type") {
    return InvalidArgument("the Service stays a LoadBalancer: /spec/type cannot be set");
  }
  const bool address = place.starts_with("/spec/clusterIP") || place.starts_with("/spec/ipFamil");
  if (address && strategy != RecreateStrategy::kDeleteCreate) {
    return InvalidArgument(place +
                           " cannot change while the Service stays the same: it needs "
                           "strategy DeleteCreate");
  }
  return OkStatus();
}

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeRecreateService(const crds::RecreateService& params,
                                                      const cel::Scope& scope,
                                                      std::string_view path) {
  KR_ASSIGN_OR_RETURN(std::vector<ComputedValue> values,
                      CompileSet(params.set, scope, path, [&](const crds::SetValue& value) {
                        return CheckPlace(value.path, params.strategy);
                      }));
  return std::make_unique<RecreateServiceAction>(params, std::move(values));
}

}  // namespace kr::actions
