#include "reconcilers/actions/taint.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "crds/v1alpha1/remediation.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/fencing.h"
#include "reconcilers/actions/holders.h"
#include "reconcilers/actions/node_object.h"
#include "reconcilers/actions/out_of_service.h"

namespace kr::actions {
namespace {

using nlohmann::json;

constexpr char kUid[] = "uid";
constexpr char kValue[] = "value";
constexpr char kOwnKeys[] = "node.kubernetes.io/";

std::string TaintText(std::string_view key, std::string_view effect) {
  return std::string(key).append(":").append(effect);
}

json TaintsOf(const json& node) {
  const json* taints = Find(node, {"spec", "taints"});
  return taints != nullptr && taints->is_array() ? *taints : json::array();
}

// The node's taint of that key and effect; null when it has none.
json FindTaint(const json& node, std::string_view key, std::string_view effect) {
  for (const json& taint : TaintsOf(node)) {
    if (FindText(taint, {"key"}) == key && FindText(taint, {"effect"}) == effect) return taint;
  }
  return {};
}

// The merge patch with other taints: a list is replaced as a whole, so it goes with the version
// that it was made from.
json PatchOf(const Holders& holders, json taints) {
  json patch;
  patch["metadata"]["annotations"][kHoldersAnnotation] = holders.Annotation();
  patch["spec"]["taints"] = taints.empty() ? json() : std::move(taints);
  return patch;
}

Write WriteOf(const Observed& observed, json patch, std::string summary, json memo) {
  return {.request = ConditionalPatch(observed, kube::PatchType::kMerge, std::move(patch)),
          .verb = "patch",
          .summary = std::move(summary),
          .memo = std::move(memo)};
}

// Gives up what `uid` holds of one taint; nullopt when that is nothing. `value`: what ours has.
std::optional<Write> GiveUp(const Observed& observed, const std::string& uid, std::string_view key,
                            std::string_view effect, const std::string& value, json memo) {
  const json& node = *observed.live;
  const std::string mitigation = TaintMitigation(key, effect);
  Holders holders = Holders::Of(node);
  if (!holders.Has(mitigation, uid)) return std::nullopt;
  const size_t others = holders.Others(mitigation, uid);
  holders.Remove(mitigation, uid);
  json taints = TaintsOf(node);
  const std::string what = "taint " + TaintText(key, effect) + " of " + ObjectText(observed.ref);
  std::string summary = "give up the " + what + ", which others hold";
  if (others == 0) {
    summary = "remove the " + what;
    std::erase_if(taints.get_ref<json::array_t&>(), [&](const json& taint) {
      return FindText(taint, {"key"}) == key && FindText(taint, {"effect"}) == effect &&
             FindText(taint, {"value"}) == value;
    });
  }
  return WriteOf(observed, PatchOf(holders, std::move(taints)), std::move(summary),
                 std::move(memo));
}

class TaintAction final : public Action {
 public:
  explicit TaintAction(const crds::Taint& params)
      : params_(params), effect_(crds::ToString(params.effect)) {}

  std::string_view kind() const override { return "taint"; }
  std::string Describe() const override {
    return "taint the node with " + params_.key +
           (params_.value.empty() ? "" : "=" + params_.value) + ":" + effect_;
  }
  Disruption disruption() const override { return Disruption::kNode; }
  Reversal reversal() const override { return Reversal::kMitigation; }
  bool NeedsFencing() const override { return params_.key == kOutOfServiceTaint; }
  std::vector<RbacRule> RequiredRules(const kube::Resource&) const override {
    std::vector<RbacRule> rules = NodePatchRules();
    if (!NeedsFencing()) return rules;
    for (RbacRule& rule : FencingRules()) rules.push_back(std::move(rule));
    rules.push_back({"", "pods", "list"});
    rules.push_back({"storage.k8s.io", "volumeattachments", "list"});
    return rules;
  }

  Next Ask(const json& memo, const Observed& observed) const override {
    if (std::optional<Next> need = NeedNode(observed, kind())) return *std::move(need);
    const json& node = *observed.live;
    const std::string& uid = observed.remediation->metadata.uid;
    const std::string mitigation = TaintMitigation(params_.key, effect_);
    const json there = FindTaint(node, params_.key, effect_);
    Holders holders = Holders::Of(node);
    const std::string text = TaintText(params_.key, effect_);
    if (!there.is_null()) {
      if (holders.Has(mitigation, uid)) {
        return Done{.message = std::string(memo.empty() ? "already so: " : "done: ") +
                               ObjectText(observed.ref) + " has the taint " + text};
      }
      if (!holders.HasAny(mitigation) || FindText(there, {"value"}) != params_.value) {
        return Done{.message = ObjectText(observed.ref) + " has the taint " + text +
                               " already, not by this remediation; it is left so"};
      }
    } else {
      holders.Clear(mitigation);  // whoever removed it has cancelled every hold on it
    }
    json kept = {{kUid, uid}, {kValue, params_.value}};
    if (NeedsFencing() && !observed.planning) {
      if (std::optional<Next> need = NeedFencing(observed, observed.ref.key.name)) {
        return *std::move(need);
      }
      const drain::Taint taint{params_.key, params_.value, effect_};
      if (std::optional<Next> look = NoteRemovals(observed, taint, kept)) return *std::move(look);
    }
    holders.Add(mitigation, uid);
    json taints = TaintsOf(node);
    if (there.is_null()) {
      json taint = {{"key", params_.key}, {"effect", effect_}};
      if (!params_.value.empty()) taint["value"] = params_.value;
      taints.push_back(std::move(taint));
    }
    return WriteOf(observed, PatchOf(holders, std::move(taints)),
                   (there.is_null() ? "taint " : "join the taint of ") + ObjectText(observed.ref) +
                       " with " + text,
                   std::move(kept));
  }

  std::optional<Next> BeforeUndo(const json& memo, const Observed& observed) const override {
    if (NeedLive(observed)) return std::nullopt;
    if (FindTaint(*observed.live, params_.key, effect_).is_null()) return std::nullopt;
    return AwaitRemovals(memo, observed);
  }

  std::optional<Write> Undo(const json& memo, const Observed& observed) const override {
    const std::string uid = FindText(memo, {kUid});
    if (uid.empty() || NeedLive(observed)) return std::nullopt;
    return GiveUp(observed, uid, params_.key, effect_, FindText(memo, {kValue}), memo);
  }

  std::string Left(const json&, const Observed& observed) const override {
    if (NeedLive(observed)) return "";
    if (FindTaint(*observed.live, params_.key, effect_).is_null()) return "";
    if (Holders::Of(*observed.live).HasAny(TaintMitigation(params_.key, effect_))) return "";
    return "the taint " + TaintText(params_.key, effect_) + " was changed since";
  }

 private:
  const crds::Taint params_;
  const std::string effect_;
};

class UntaintAction final : public Action {
 public:
  explicit UntaintAction(const crds::Untaint& params) : params_(params) {
    if (params.effect) effect_ = crds::ToString(*params.effect);
  }

  std::string_view kind() const override { return "untaint"; }
  std::string Describe() const override {
    return "give up our taint " + params_.key + (effect_.empty() ? "" : ":" + effect_) +
           " of the node";
  }
  Disruption disruption() const override { return Disruption::kNone; }
  Reversal reversal() const override { return Reversal::kIrreversible; }
  std::vector<RbacRule> RequiredRules(const kube::Resource&) const override {
    return NodePatchRules();
  }

  Next Ask(const json& memo, const Observed& observed) const override {
    if (std::optional<Next> need = NeedNode(observed, kind())) return *std::move(need);
    const std::string& uid = observed.remediation->metadata.uid;
    bool there = false;
    for (const json& taint : TaintsOf(*observed.live)) {
      if (FindText(taint, {"key"}) != params_.key) continue;
      const std::string effect = FindText(taint, {"effect"});
      if (!effect_.empty() && effect != effect_) continue;
      there = true;
      if (auto write = GiveUp(observed, uid, params_.key, effect, FindText(taint, {"value"}),
                              {{kUid, uid}})) {
        return *std::move(write);
      }
    }
    if (!there) {
      return Done{.message = std::string(memo.empty() ? "already so: " : "done: ") +
                             ObjectText(observed.ref) + " has no taint " + params_.key};
    }
    return Done{.message = ObjectText(observed.ref) + " keeps the taint " + params_.key +
                           ": it is not (or not only) this remediation's"};
  }

 private:
  const crds::Untaint params_;
  std::string effect_;
};

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeTaint(const crds::Taint& params, const cel::Scope&,
                                            std::string_view path) {
  if (params.key.starts_with(kOwnKeys) && params.key != kOutOfServiceTaint) {
    return InvalidArgument(std::string(path) + ".key: " + params.key +
                           " is set and removed by Kubernetes itself: expected a key of your own");
  }
  if (params.key == kOutOfServiceTaint && params.effect == crds::TaintEffect::kPreferNoSchedule) {
    return InvalidArgument(std::string(path) +
                           ".effect: expected NoExecute, the effect that the out-of-service taint "
                           "is known by");
  }
  return std::make_unique<TaintAction>(params);
}

StatusOr<std::unique_ptr<Action>> MakeUntaint(const crds::Untaint& params, const cel::Scope&,
                                              std::string_view) {
  return std::make_unique<UntaintAction>(params);
}

}  // namespace kr::actions
