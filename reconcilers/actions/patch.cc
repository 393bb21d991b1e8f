#include "reconcilers/actions/patch.h"

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"
#include "crds/meta/text.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/computed_value.h"
#include "reconcilers/actions/patch_effect.h"
#include "reconcilers/actions/patch_json.h"
#include "reconcilers/actions/patch_rules.h"
#include "reconcilers/actions/patch_undo.h"

namespace kr::actions {
namespace {

using kube::IsSecret;
using nlohmann::json;

// In the memo: the patch with its values.
constexpr char kPatch[] = "patch";
constexpr size_t kMaxSummaryChars = 300;

kube::PatchType ToKube(crds::PatchType type) {
  switch (type) {
    case crds::PatchType::kMerge:
      return kube::PatchType::kMerge;
    case crds::PatchType::kStrategic:
      return kube::PatchType::kStrategic;
    case crds::PatchType::kApply:
      return kube::PatchType::kApply;
    case crds::PatchType::kJson:
      break;
  }
  return kube::PatchType::kJson;
}

std::string_view NameOf(crds::PatchType type) {
  switch (type) {
    case crds::PatchType::kStrategic:
      return "strategic patch ";
    case crds::PatchType::kApply:
      return "apply ";
    default:
      return "merge patch ";
  }
}

// What an applied object says is compared and taken back field by field, like a merge patch.
crds::PatchType AsMerge(crds::PatchType type) {
  return type == crds::PatchType::kApply ? crds::PatchType::kMerge : type;
}

// Only the server knows how the lists of an applied object are merged.
Effect EffectOf(crds::PatchType type, const json& patch, const json& object,
                std::string* where = nullptr) {
  const Effect effect = CompareEffect(AsMerge(type), patch, object, where);
  return type == crds::PatchType::kApply && effect == Effect::kMissing ? Effect::kUnsure : effect;
}

// The fields that a patch says something about, as paths into the object. Lists are whole.
void AddLeaves(const json& patch, document::Path& at, std::vector<document::Path>& paths) {
  if (!patch.is_object() || patch.empty()) {
    paths.push_back(at);
    return;
  }
  for (const auto& [field, value] : patch.items()) {
    if (field.starts_with('$')) continue;
    at.steps.push_back(document::Step::Field(field));
    AddLeaves(value, at, paths);
    at.steps.pop_back();
  }
}

class PatchAction final : public Action {
 public:
  PatchAction(crds::PatchType type, json patch, std::vector<ComputedValue> values, bool force)
      : type_(type), template_(std::move(patch)), values_(std::move(values)), force_(force) {}

  std::string_view kind() const override { return "patch"; }
  Disruption disruption() const override { return Disruption::kWorkload; }
  Reversal reversal() const override { return Reversal::kChange; }
  std::vector<RbacRule> RequiredRules(const kube::Resource& resource) const override {
    return PatchRules(resource);
  }

  std::string Describe() const override {
    return crds::Truncate(Summary(template_) + TextOf(values_), kMaxSummaryChars);
  }

  std::vector<const cel::Program*> Expressions() const override { return ProgramsOf(values_); }

  Next Ask(const json& memo, const Observed& observed) const override {
    if (std::optional<Next> need = NeedLive(observed)) return *std::move(need);
    if (const json* stored = Find(memo, {kPatch})) return Apply(*stored, memo, observed);
    std::variant<json, Next> rendered = Render(observed);
    if (auto* instead = std::get_if<Next>(&rendered)) return std::move(*instead);
    return Apply(std::get<json>(rendered), json(), observed);
  }

  std::vector<document::Path> EffectPaths() const override {
    json patch = template_;
    // Only the places matter. That there is one was checked when the policy was compiled.
    for (const ComputedValue& value : values_) (void)SetAt(patch, value.place, json());
    std::vector<document::Path> paths;
    document::Path root;
    AddLeaves(patch, root, paths);
    return paths;
  }

  bool EffectHolds(const json& memo, const json& object) const override {
    const json* patch = Find(memo, {kPatch});
    return patch == nullptr || EffectOf(type_, *patch, object) != Effect::kMissing;
  }

  std::string Left(const json& memo, const Observed& observed) const override {
    if (auto whole = LeftWhole(memo, observed)) return *std::move(whole);
    const json* patch = Find(memo, {kPatch});
    const json* before = Find(memo, {kBefore});
    if (patch == nullptr || before == nullptr) return "";
    return NotRestored(AsMerge(type_), *patch, *before, *observed.live);
  }

  std::optional<Write> Undo(const json& memo, const Observed& observed) const override {
    const json* patch = Find(memo, {kPatch});
    const json* before = Find(memo, {kBefore});
    if (patch == nullptr || before == nullptr || NeedLive(observed)) return std::nullopt;
    std::optional<json> undo = UndoPatch(AsMerge(type_), *patch, *before, *observed.live);
    if (!undo) return std::nullopt;
    std::string summary = "put back " + Shown(observed, *undo);
    return Write{.request = ConditionalPatch(observed, ToKube(AsMerge(type_)), *std::move(undo)),
                 .verb = "patch",
                 .summary = std::move(summary),
                 .memo = memo};
  }

 private:
  static std::string Compact(const json& patch) {
    return crds::Truncate(patch.dump(-1, ' ', false, json::error_handler_t::replace),
                          kMaxSummaryChars);
  }
  std::string Summary(const json& patch) const {
    return std::string(NameOf(type_)) + Compact(patch);
  }
  // Summaries end up in Events: no content of Secrets in them.
  static std::string Shown(const Observed& observed, const json& patch) {
    return IsSecret(observed.ref.resource.gvk) ? "(content of a Secret)" : Compact(patch);
  }

  // The patch with its values, or what to do instead of it.
  std::variant<json, Next> Render(const Observed& observed) const {
    json patch = template_;
    if (!values_.empty() && IsSecret(observed.ref.resource.gvk)) {
      return Next(Failed{"InvalidPatch", std::string(kNoSetOnSecret)});
    }
    for (const ComputedValue& value : values_) {
      if (!value.program) {
        (void)SetAt(patch, value.place, json());  // a place, as was checked when it was compiled
        continue;
      }
      StatusOr<json> computed = observed.evaluate(*value.program);
      if (!computed.ok()) {
        return ValueUnknown("the value for " + value.place, *value.program,
                            Message(computed.status()), observed);
      }
      if (computed->is_null()) {
        return Next(Failed{"InvalidPatch", value.place + ": " + value.program->text() +
                                               " gave null; what shall be removed says remove: "
                                               "true"});
      }
      Status set = SetAt(patch, value.place, *std::move(computed));
      if (!set.ok()) return Next(Failed{"InvalidPatch", std::string(Message(set))});
    }
    Status allowed = CheckPatch(type_, patch);
    if (allowed.ok()) allowed = CheckSize(patch);
    if (!allowed.ok()) return Next(Failed{"InvalidPatch", std::string(Message(allowed))});
    return patch;
  }

  Next Apply(const json& patch, const json& memo, const Observed& observed) const {
    const json& live = *observed.live;
    const bool wrote = Find(memo, {kPatch}) != nullptr;
    std::string where;
    Effect effect = EffectOf(type_, patch, live, &where);
    if (effect == Effect::kThere) return IsDone(wrote, patch, observed);
    if (effect == Effect::kUnsure || wrote) {
      if (!observed.dry_run) return DryRun{Request(patch, observed, /*dry_run=*/true)};
      const bool refused = observed.dry_run->is_null();
      if (refused && absl::IsAborted(observed.dry_run_refused)) {
        return Failed{"Conflict", ObjectText(observed.ref) + ": " +
                                      std::string(Message(observed.dry_run_refused))};
      }
      const bool same = !refused && SameObject(*observed.dry_run, live);
      if (same && effect == Effect::kUnsure) return IsDone(wrote, patch, observed);
      // Sending it once more would change nothing either.
      if (same || (refused && wrote)) return NotTaken(where, observed);
    }
    std::string summary = std::string(NameOf(type_)) + Shown(observed, patch);
    if (std::optional<Next> owned = RefuseOwned(observed, "apply the " + summary)) {
      return *std::move(owned);
    }
    return Write{.request = Request(patch, observed, /*dry_run=*/false),
                 .verb = "patch",
                 .summary = summary,
                 .memo = wrote ? memo : NewMemo(patch, observed)};
  }

  kube::HttpRequest Request(const json& patch, const Observed& observed, bool dry_run) const {
    if (type_ != crds::PatchType::kApply) {
      return dry_run ? DryRunPatch(observed, ToKube(type_), patch)
                     : ConditionalPatch(observed, ToKube(type_), patch);
    }
    json object = patch;
    object["apiVersion"] = observed.ref.resource.gvk.ApiVersion();
    object["kind"] = observed.ref.resource.gvk.kind;
    object["metadata"]["name"] = observed.ref.key.name;
    // It must be there already, and still be what was read.
    object["metadata"]["uid"] = FindText(*observed.live, {"metadata", "uid"});
    if (!dry_run) {
      object["metadata"]["resourceVersion"] =
          FindText(*observed.live, {"metadata", "resourceVersion"});
    }
    kube::WriteOptions options;
    options.field_manager = kFieldManager;
    options.server_timeout = observed.server_timeout;
    options.force = force_;
    options.dry_run = dry_run;
    return kube::PatchObject(observed.ref.resource, observed.ref.key, "", kube::PatchType::kApply,
                             object, options);
  }

  static Next IsDone(bool wrote, const json& patch, const Observed& observed) {
    return Done{.message = (wrote ? "done: " : "already so: ") + Shown(observed, patch)};
  }

  static Next NotTaken(const std::string& where, const Observed& observed) {
    return Failed{"NotTaken", "the server took the patch, but " + ObjectText(observed.ref) +
                                  " does not show what it says" +
                                  (where.empty() ? "" : " at " + where)};
  }

  json NewMemo(const json& patch, const Observed& observed) const {
    json memo = {{kPatch, patch}};
    KeepPreImage(AsMerge(type_), patch, observed, memo);
    return memo;
  }

  const crds::PatchType type_;
  const json template_;
  const std::vector<ComputedValue> values_;
  const bool force_;
};

}  // namespace

StatusOr<std::unique_ptr<Action>> MakePatch(const crds::Patch& params, const cel::Scope& scope,
                                            std::string_view path) {
  const std::string prefix(path);
  if (params.type == crds::PatchType::kJson) return MakeJsonPatch(params, scope, path);
  if (params.patch.empty() && params.set.empty()) {
    return InvalidArgument(prefix + ": expected patch, set or both");
  }
  const json patch = params.patch.empty() ? json::object() : params.patch.Parse();
  KR_RETURN_IF_ERROR(Annotate(CheckSize(patch), prefix + ".patch"));
  KR_RETURN_IF_ERROR(Annotate(CheckPatch(params.type, patch), prefix + ".patch"));

  json with_places = patch;
  // An empty object stands for the value: forbidden places show, and so does a value below it.
  const auto check = [&](const crds::SetValue& value) -> Status {
    KR_RETURN_IF_ERROR(SetAt(with_places, value.path, json::object()));
    return CheckPatch(params.type, with_places);
  };
  KR_ASSIGN_OR_RETURN(std::vector<ComputedValue> values,
                      CompileSet(params.set, scope, path, check));
  return std::make_unique<PatchAction>(params.type, patch, std::move(values), params.force);
}

}  // namespace kr::actions
