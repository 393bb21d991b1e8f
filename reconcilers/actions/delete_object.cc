#include "reconcilers/actions/delete_object.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "crds/meta/duration.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/removal.h"

namespace kr::actions {
namespace {

using nlohmann::json;

class DeleteAction final : public Action {
 public:
  explicit DeleteAction(const crds::Delete& params) : params_(params) {}

  std::string_view kind() const override { return "delete"; }
  Disruption disruption() const override { return Disruption::kWorkload; }
  Reversal reversal() const override { return Reversal::kIrreversible; }
  std::vector<RbacRule> RequiredRules(const kube::Resource& resource) const override {
    return {{resource.gvk.group, resource.plural, "get"},
            {resource.gvk.group, resource.plural, "delete"}};
  }

  std::string Describe() const override {
    return "delete the object (" + std::string(crds::ToString(params_.propagation)) +
           "), gone within " + crds::FormatDuration(params_.timeout);
  }

  Next Ask(const json& memo, const Observed& observed) const override {
    if (!observed.live) return Read{};
    if (IsGone(observed)) return RemovedBy(memo, "deleted", observed);
    if (Find(*observed.live, {"metadata", "deletionTimestamp"}) != nullptr) {
      return AwaitGone(observed, params_.timeout);
    }
    return Write{.request = DeleteRequest(observed, crds::ToString(params_.propagation),
                                          params_.grace_period_seconds),
                 .verb = "Delete",
                 .summary = "delete " + ObjectText(observed.ref),
                 .memo = {{"sent", true}}};
  }

 private:
  const crds::Delete params_;
};

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeDelete(const crds::Delete& params, const cel::Scope&,
                                             std::string_view) {
  return std::make_unique<DeleteAction>(params);
}

}  // namespace kr::actions
