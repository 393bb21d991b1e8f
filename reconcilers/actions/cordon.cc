#include "reconcilers/actions/cordon.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "crds/v1alpha1/remediation.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/holders.h"
#include "reconcilers/actions/node_object.h"

namespace kr::actions {
namespace {

using nlohmann::json;

constexpr char kUid[] = "uid";

const std::string& HolderOf(const Observed& observed) {
  return observed.remediation->metadata.uid;
}

// The write that gives up what `uid` holds; nullopt when it holds nothing.
std::optional<Write> GiveUp(const std::string& uid, json memo, const Observed& observed) {
  const json& node = *observed.live;
  json patch = UncordonPatch(node, uid);
  if (patch.is_null()) return std::nullopt;
  const size_t others = Holders::Of(node).Others(kCordonMitigation, uid);
  std::string summary = "uncordon " + ObjectText(observed.ref);
  if (others > 0) {
    summary = "give up the cordon of " + ObjectText(observed.ref) + ", which " +
              std::to_string(others) + " other remediation" + (others > 1 ? "s hold" : " holds");
  } else if (!patch.contains("spec")) {
    summary = "give up the cordon of " + ObjectText(observed.ref) + ", which is not ours any more";
  }
  return Write{.request = ConditionalPatch(observed, kube::PatchType::kMerge, std::move(patch)),
               .verb = "patch",
               .summary = std::move(summary),
               .memo = std::move(memo)};
}

class CordonAction final : public Action {
 public:
  std::string_view kind() const override { return "cordon"; }
  std::string Describe() const override { return "cordon the node"; }
  Disruption disruption() const override { return Disruption::kNode; }
  Reversal reversal() const override { return Reversal::kMitigation; }
  std::vector<RbacRule> RequiredRules(const kube::Resource&) const override {
    return NodePatchRules();
  }

  Next Ask(const json& memo, const Observed& observed) const override {
    if (std::optional<Next> need = NeedNode(observed, kind())) return *std::move(need);
    const json& node = *observed.live;
    json patch = CordonPatch(node, HolderOf(observed));
    if (!patch.is_null()) {
      const bool joins = IsCordoned(node);
      return Write{
          .request = ConditionalPatch(observed, kube::PatchType::kMerge, std::move(patch)),
          .verb = "patch",
          .summary = (joins ? "join the cordon of " : "cordon ") + ObjectText(observed.ref),
          .memo = {{kUid, HolderOf(observed)}}};
    }
    if (!Holders::Of(node).Has(kCordonMitigation, HolderOf(observed))) {
      return Done{.message = ForeignCordonText(observed.ref, node)};
    }
    return Done{.message = std::string(memo.is_null() || memo.empty() ? "already so: " : "done: ") +
                           ObjectText(observed.ref) + " is cordoned"};
  }

  std::optional<Write> Undo(const json& memo, const Observed& observed) const override {
    if (FindText(memo, {kUid}).empty() || NeedLive(observed)) return std::nullopt;
    return GiveUp(FindText(memo, {kUid}), memo, observed);
  }

  std::string Left(const json&, const Observed& observed) const override {
    // A node that is gone is not cordoned.
    if (NeedLive(observed) || !IsCordoned(*observed.live) || IsOurCordon(*observed.live)) return "";
    return ForeignCordonText(observed.ref, *observed.live);
  }
};

class UncordonAction final : public Action {
 public:
  std::string_view kind() const override { return "uncordon"; }
  std::string Describe() const override { return "give up our cordon of the node"; }
  Disruption disruption() const override { return Disruption::kNone; }
  Reversal reversal() const override { return Reversal::kIrreversible; }
  std::vector<RbacRule> RequiredRules(const kube::Resource&) const override {
    return NodePatchRules();
  }

  Next Ask(const json& memo, const Observed& observed) const override {
    if (std::optional<Next> need = NeedNode(observed, kind())) return *std::move(need);
    const json& node = *observed.live;
    if (auto write = GiveUp(HolderOf(observed), {{kUid, HolderOf(observed)}}, observed)) {
      return *std::move(write);
    }
    if (!IsCordoned(node)) {
      return Done{.message =
                      std::string(memo.is_null() || memo.empty() ? "already so: " : "done: ") +
                      ObjectText(observed.ref) + " is not cordoned"};
    }
    if (!IsOurCordon(node)) return Done{.message = ForeignCordonText(observed.ref, node)};
    return Done{.message =
                    ObjectText(observed.ref) + " stays cordoned: another remediation holds it"};
  }
};

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeCordon(const crds::Cordon&, const cel::Scope&,
                                             std::string_view) {
  return std::make_unique<CordonAction>();
}

StatusOr<std::unique_ptr<Action>> MakeUncordon(const crds::Uncordon&, const cel::Scope&,
                                               std::string_view) {
  return std::make_unique<UncordonAction>();
}

}  // namespace kr::actions
