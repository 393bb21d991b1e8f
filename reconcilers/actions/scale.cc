#include "reconcilers/actions/scale.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/computed_value.h"
#include "reconcilers/actions/managed_fields.h"

namespace kr::actions {
namespace {

using nlohmann::json;

constexpr char kReplicas[] = "replicas";
constexpr int64_t kMost = 100000;

// The kinds whose scale subresource is known to be there; others may have none.
bool HasScale(const kube::GroupVersionKind& gvk) {
  if (gvk.group.empty()) return gvk.kind == "ReplicationController";
  return gvk.group == "apps" &&
         (gvk.kind == "Deployment" || gvk.kind == "StatefulSet" || gvk.kind == "ReplicaSet");
}

// The autoscalers of a namespace as they are.
kube::HttpRequest ListAutoscalers(const Observed& observed) {
  const kube::Resource resource{
      {"autoscaling", "v2", "HorizontalPodAutoscaler"}, "horizontalpodautoscalers", true};
  kube::ListOptions options;
  options.name_space = observed.ref.key.name_space;
  return kube::ListObjects(resource, options);
}

// The one that scales the object; nullptr when none does.
const json* FindAutoscaler(const json& list, const ObjectRef& ref) {
  const json* items = Find(list, {"items"});
  if (items == nullptr || !items->is_array()) return nullptr;
  for (const json& item : *items) {
    const std::string api_version = FindText(item, {"spec", "scaleTargetRef", "apiVersion"});
    const auto gvk = kube::GroupVersionKind::FromApiVersion(
        api_version, FindText(item, {"spec", "scaleTargetRef", "kind"}));
    if (gvk.group == ref.resource.gvk.group && gvk.kind == ref.resource.gvk.kind &&
        FindText(item, {"spec", "scaleTargetRef", "name"}) == ref.key.name) {
      return &item;
    }
  }
  return nullptr;
}

class ScaleAction final : public Action {
 public:
  ScaleAction(const crds::Scale& params, std::optional<cel::Program> expression)
      : params_(params), expression_(std::move(expression)) {}

  std::string_view kind() const override { return "scale"; }
  Disruption disruption() const override { return Disruption::kWorkload; }
  Reversal reversal() const override { return Reversal::kChange; }
  std::vector<RbacRule> RequiredRules(const kube::Resource& resource) const override {
    const std::string& group = resource.gvk.group;
    std::vector<RbacRule> rules = {
        {group, resource.plural, "get"},
        {group, resource.plural + (HasScale(resource.gvk) ? "/scale" : ""), "patch"}};
    if (params_.autoscaler == crds::AutoscalerRule::kRefuse) {
      rules.push_back({"autoscaling", "horizontalpodautoscalers", "list"});
    }
    return rules;
  }

  std::string Describe() const override {
    std::string text = std::string(params_.raise_only   ? "raise"
                                   : params_.lower_only ? "lower"
                                                        : "scale") +
                       " to " +
                       (expression_ ? expression_->text() : std::to_string(*params_.replicas)) +
                       " replicas";
    if (params_.min) text += ", at least " + std::to_string(*params_.min);
    if (params_.max) text += ", at most " + std::to_string(*params_.max);
    return text;
  }

  std::vector<const cel::Program*> Expressions() const override {
    if (!expression_) return {};
    return {&*expression_};
  }

  Next Ask(const json& memo, const Observed& observed) const override {
    if (std::optional<Next> need = NeedLive(observed)) return *std::move(need);
    const std::optional<int64_t> current = Current(*observed.live);
    if (!current) {
      return Failed{"NoReplicas", ObjectText(observed.ref) + " has no spec.replicas"};
    }
    std::variant<int64_t, Next> computed = Wanted(memo, observed);
    if (auto* instead = std::get_if<Next>(&computed)) return std::move(*instead);
    const int64_t wanted = std::get<int64_t>(computed);
    if (IsEnough(*current, wanted)) {
      return Done{.message = (Find(memo, {kReplicas}) == nullptr ? "already so: " : "done: ") +
                             ObjectText(observed.ref) + " has " + std::to_string(*current) +
                             " replicas"};
    }
    const std::string summary = "scale " + ObjectText(observed.ref) + " from " +
                                std::to_string(*current) + " to " + std::to_string(wanted) +
                                " replicas";
    if (std::optional<Next> owned = RefuseOwned(observed, summary)) return *std::move(owned);
    if (params_.autoscaler == crds::AutoscalerRule::kRefuse && *current > 0) {
      const kube::HttpRequest list = ListAutoscalers(observed);
      const json* found = FindFound(observed, list);
      if (found == nullptr) return LookAt(list);
      if (auto report = RefuseAutoscaled(*found, observed.ref)) return *std::move(report);
    }
    return Write{.request = Request(observed, wanted),
                 .verb = "patch",
                 .summary = summary,
                 .memo = Find(memo, {kReplicas}) != nullptr
                             ? memo
                             : json{{kReplicas, wanted}, {kBefore, *current}}};
  }

  std::vector<document::Path> EffectPaths() const override {
    return {{{document::Step::Field("spec"), document::Step::Field(kReplicas)},
             document::Depth::kValue}};
  }

  bool EffectHolds(const json& memo, const json& object) const override {
    const json* wanted = Find(memo, {kReplicas});
    const std::optional<int64_t> current = Current(object);
    return wanted == nullptr || !current || IsEnough(*current, wanted->get<int64_t>());
  }

  std::optional<Write> Undo(const json& memo, const Observed& observed) const override {
    const json* wanted = Find(memo, {kReplicas});
    const json* before = Find(memo, {kBefore});
    if (wanted == nullptr || before == nullptr || NeedLive(observed)) return std::nullopt;
    const std::vector<std::string> steps = {FieldStep("spec"), FieldStep(kReplicas)};
    if (Current(*observed.live) != wanted->get<int64_t>() ||
        !OwnsField(*observed.live, kFieldManager, steps)) {
      return std::nullopt;
    }
    return Write{
        .request = Request(observed, before->get<int64_t>()),
        .verb = "patch",
        .summary = "scale " + ObjectText(observed.ref) + " back to " + before->dump() + " replicas",
        .memo = memo};
  }

  std::string Left(const json& memo, const Observed& observed) const override {
    if (auto whole = LeftWhole(memo, observed)) return *std::move(whole);
    const json* before = Find(memo, {kBefore});
    if (before == nullptr || Current(*observed.live) == before->get<int64_t>()) return "";
    const std::vector<std::string> steps = {FieldStep("spec"), FieldStep(kReplicas)};
    return FieldAndOwner(*observed.live, kFieldManager, steps);
  }

 private:
  static std::optional<int64_t> Current(const json& object) {
    const json* replicas = Find(object, {"spec", kReplicas});
    if (replicas == nullptr || !replicas->is_number_integer()) return std::nullopt;
    return replicas->get<int64_t>();
  }

  bool IsEnough(int64_t current, int64_t wanted) const {
    if (params_.raise_only) return current >= wanted;
    if (params_.lower_only) return current <= wanted;
    return current == wanted;
  }

  // What was decided before, or is now; or what to do instead.
  std::variant<int64_t, Next> Wanted(const json& memo, const Observed& observed) const {
    if (const json* decided = Find(memo, {kReplicas})) return decided->get<int64_t>();
    int64_t wanted = params_.replicas.value_or(0);
    if (expression_) {
      StatusOr<json> value = observed.evaluate(*expression_);
      if (!value.ok()) {
        return ValueUnknown("the number of replicas", *expression_, Message(value.status()),
                            observed);
      }
      if (!value->is_number_integer() || *value < 0 || *value > kMost) {
        return Next(Failed{"InvalidValue", expression_->text() + " gave " + value->dump() +
                                               ", expected a number of replicas from 0 to " +
                                               std::to_string(kMost)});
      }
      wanted = value->get<int64_t>();
    }
    if (params_.min) wanted = std::max(wanted, *params_.min);
    if (params_.max) wanted = std::min(wanted, *params_.max);
    return wanted;
  }

  static std::optional<Next> RefuseAutoscaled(const json& autoscalers, const ObjectRef& ref) {
    const json* autoscaler = FindAutoscaler(autoscalers, ref);
    if (autoscaler == nullptr) return std::nullopt;
    const auto number = [&](std::string_view field, const char* otherwise) {
      const json* value = Find(*autoscaler, {"spec", field});
      return value != nullptr ? value->dump() : std::string(otherwise);
    };
    return Report{"ScaledByAutoscaler",
                  ObjectText(ref) + " is scaled by HorizontalPodAutoscaler " +
                      FindText(*autoscaler, {"metadata", "name"}) + " (" +
                      number("minReplicas", "1") + " to " + number("maxReplicas", "?") +
                      "), which would set the replicas back; change its bounds instead"};
  }

  static kube::HttpRequest Request(const Observed& observed, int64_t replicas) {
    const json patch = {
        {"metadata",
         {{"resourceVersion", FindText(*observed.live, {"metadata", "resourceVersion"})}}},
        {"spec", {{kReplicas, replicas}}}};
    kube::WriteOptions options;
    options.field_manager = kFieldManager;
    options.server_timeout = observed.server_timeout;
    return kube::PatchObject(observed.ref.resource, observed.ref.key,
                             HasScale(observed.ref.resource.gvk) ? "scale" : "",
                             kube::PatchType::kMerge, patch, options);
  }

  const crds::Scale params_;
  const std::optional<cel::Program> expression_;
};

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeScale(const crds::Scale& params, const cel::Scope& scope,
                                            std::string_view path) {
  const std::string prefix(path);
  if (params.replicas.has_value() != params.replicas_expression.empty()) {
    return InvalidArgument(prefix + ": expected replicas or replicasExpression, one of the two");
  }
  std::optional<cel::Program> expression;
  if (!params.replicas) {
    StatusOr<cel::Program> program =
        cel::Program::Compile(params.replicas_expression, scope, cel::Type::Int());
    if (!program.ok()) return Annotate(program.status(), prefix + ".replicasExpression");
    expression = *std::move(program);
  }
  return std::make_unique<ScaleAction>(params, std::move(expression));
}

}  // namespace kr::actions
