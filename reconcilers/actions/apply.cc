#include "reconcilers/actions/apply.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/computed_value.h"
#include "reconcilers/actions/managed_fields.h"
#include "reconcilers/actions/patch.h"
#include "reconcilers/actions/patch_effect.h"
#include "reconcilers/actions/patch_rules.h"
#include "reconcilers/actions/patch_undo.h"

namespace kr::actions {
namespace {

using nlohmann::json;

constexpr char kObject[] = "object";
constexpr char kCreated[] = "created";

// What remains of the object when its identity is left out: the part that may change.
json Content(json object) {
  object.erase("apiVersion");
  object.erase("kind");
  if (auto metadata = object.find("metadata"); metadata != object.end()) {
    for (const char* field : {"name", "namespace"}) metadata->erase(field);
    if (metadata->empty()) object.erase(metadata);
  }
  return object;
}

// The leaves of what is applied; lists are whole.
void AddFields(const json& value, FieldPath& steps, std::vector<FieldPath>& fields) {
  if (!value.is_object() || value.empty()) {
    fields.push_back(steps);
    return;
  }
  for (const auto& [key, child] : value.items()) {
    steps.push_back(FieldStep(key));
    AddFields(child, steps, fields);
    steps.pop_back();
  }
}

class ApplyAction final : public Action {
 public:
  ApplyAction(json object, std::vector<ComputedValue> values, bool force)
      : template_(std::move(object)), values_(std::move(values)), force_(force) {}

  std::string_view kind() const override { return "apply"; }
  Disruption disruption() const override { return Disruption::kWorkload; }
  Reversal reversal() const override { return Reversal::kChange; }
  std::vector<RbacRule> RequiredRules(const kube::Resource& resource) const override {
    std::vector<RbacRule> rules = PatchRules(resource);
    rules.push_back({resource.gvk.group, resource.plural, "create"});
    rules.push_back({resource.gvk.group, resource.plural, "delete"});  // to take it back
    return rules;
  }

  std::string Describe() const override {
    const std::string name = FindText(template_, {"metadata", "name"});
    return "apply " + FindText(template_, {"kind"}) + (name.empty() ? "" : " " + name) +
           TextOf(values_);
  }

  std::vector<const cel::Program*> Expressions() const override { return ProgramsOf(values_); }

  StatusOr<std::optional<crds::ObjectReference>> Object(const Evaluate& evaluate) const override {
    json object = template_;
    for (const ComputedValue& value : values_) {
      if (value.place != "/metadata/name" && value.place != "/metadata/namespace") continue;
      if (!value.program) continue;
      KR_ASSIGN_OR_RETURN(json text, evaluate(*value.program));
      if (!text.is_string() || text.get_ref<const std::string&>().empty()) {
        return InvalidArgument("set " + value.place + ": expected a text, got " + text.dump());
      }
      object[json::json_pointer(value.place)] = std::move(text);
    }
    return crds::ObjectReference{FindText(object, {"apiVersion"}), FindText(object, {"kind"}),
                                 FindText(object, {"metadata", "namespace"}),
                                 FindText(object, {"metadata", "name"}), ""};
  }

  Next Ask(const json& memo, const Observed& observed) const override {
    if (!observed.live) return Read{};
    const json& live = *observed.live;
    if (!live.is_null() && Find(live, {"metadata", "deletionTimestamp"}) != nullptr) {
      return Failed{"ObjectGoing", ObjectText(observed.ref) + " is being deleted"};
    }
    json object;
    if (const json* stored = Find(memo, {kObject})) {
      object = *stored;
    } else {
      std::variant<json, Next> rendered = Render(observed);
      if (auto* instead = std::get_if<Next>(&rendered)) return std::move(*instead);
      object = std::get<json>(std::move(rendered));
    }
    if (!observed.dry_run) return DryRun{Request(object, observed, /*dry_run=*/true)};
    if (observed.dry_run->is_null()) {
      return Failed{absl::IsAborted(observed.dry_run_refused) ? "Conflict" : "Refused",
                    "the server does not take " + ObjectText(observed.ref) + ": " +
                        std::string(Message(observed.dry_run_refused))};
    }
    const bool wrote = Find(memo, {kObject}) != nullptr;
    if (!live.is_null() && SameObject(*observed.dry_run, live)) {
      return Done{.message = (wrote ? "applied " : "already so: ") + ObjectText(observed.ref)};
    }
    // What we have made may say itself whose it is, and its controller writes to it at once.
    if (!live.is_null() && !wrote) {
      if (auto owned = RefuseOwned(observed, "apply it")) return *std::move(owned);
    }
    return Write{.request = Request(object, observed, /*dry_run=*/false),
                 .verb = live.is_null() ? "Create" : "Patch",
                 .summary = (live.is_null() ? "create " : "apply ") + ObjectText(observed.ref),
                 .memo = wrote ? memo : NewMemo(object, observed)};
  }

  std::vector<FieldPath> EffectFields() const override {
    json object = template_;
    // Only the places matter. That there is one was checked when the policy was compiled.
    for (const ComputedValue& value : values_) (void)SetAt(object, value.place, json());
    std::vector<FieldPath> fields;
    FieldPath steps;
    AddFields(Content(std::move(object)), steps, fields);
    return fields;
  }

  // Whoever changes a field that we have applied takes it over. Lists have their own rules of whose
  // element is whose, and values may read otherwise than they were sent: neither is looked at.
  bool EffectHolds(const json& memo, const json& object) const override {
    const json* applied = Find(memo, {kObject});
    std::vector<std::string> steps;
    return applied == nullptr || OwnsAll(Content(*applied), object, steps);
  }

  std::optional<Write> Undo(const json& memo, const Observed& observed) const override {
    const json* object = Find(memo, {kObject});
    if (object == nullptr || NeedLive(observed)) return std::nullopt;
    if (Find(memo, {kCreated}) != nullptr) return UndoCreation(memo, observed);
    const json* before = Find(memo, {kBefore});
    if (before == nullptr) return std::nullopt;
    std::optional<json> undo =
        UndoPatch(crds::PatchType::kMerge, Content(*object), *before, *observed.live);
    if (!undo) return std::nullopt;
    return Write{.request = ConditionalPatch(observed, kube::PatchType::kMerge, *std::move(undo)),
                 .verb = "Patch",
                 .summary = "put back what " + ObjectText(observed.ref) + " was",
                 .memo = memo};
  }

  std::string Left(const json& memo, const Observed& observed) const override {
    if (std::string why = WhyNoUndo(memo); !why.empty()) return why;
    const bool made = Find(memo, {kCreated}) != nullptr;
    if (const auto gone = LeftWhole(memo, observed)) return made ? "" : *gone;
    if (made) {
      return ObjectText(observed.ref) + " (" + LastOtherManager(*observed.live, kFieldManager) +
             " writes to it, too)";
    }
    const json* object = Find(memo, {kObject});
    const json* before = Find(memo, {kBefore});
    if (object == nullptr || before == nullptr) return "";
    return NotRestored(crds::PatchType::kMerge, Content(*object), *before, *observed.live);
  }

 private:
  // The object as it is to be sent, or what to do instead of it.
  std::variant<json, Next> Render(const Observed& observed) const {
    json object = template_;
    for (const ComputedValue& value : values_) {
      if (!value.program) {
        RemoveAt(object, value.place);
        continue;
      }
      StatusOr<json> computed = observed.evaluate(*value.program);
      if (!computed.ok()) {
        return ValueUnknown("the value for " + value.place, *value.program,
                            Message(computed.status()), observed);
      }
      Status set = SetAt(object, value.place, *std::move(computed));
      if (!set.ok()) return Next(Failed{"InvalidObject", std::string(Message(set))});
    }
    // As it was chosen when the step began.
    object["metadata"]["name"] = observed.ref.key.name;
    if (!observed.ref.key.name_space.empty()) {
      object["metadata"]["namespace"] = observed.ref.key.name_space;
    }
    if (Status size = CheckSize(object); !size.ok()) {
      return Next(Failed{"InvalidObject", std::string(Message(size))});
    }
    return object;
  }

  kube::HttpRequest Request(json object, const Observed& observed, bool dry_run) const {
    const json& live = *observed.live;
    if (!live.is_null() && !dry_run) {
      object["metadata"]["uid"] = FindText(live, {"metadata", "uid"});
      object["metadata"]["resourceVersion"] = FindText(live, {"metadata", "resourceVersion"});
    }
    kube::WriteOptions options;
    options.field_manager = kFieldManager;
    options.server_timeout = observed.server_timeout;
    options.force = force_;
    options.dry_run = dry_run;
    return kube::PatchObject(observed.ref.resource, observed.ref.key, "", kube::PatchType::kApply,
                             object, options);
  }

  static bool OwnsAll(const json& ours, const json& live, std::vector<std::string>& steps) {
    for (const auto& [key, value] : ours.items()) {
      if (value.is_array() || value.is_null()) continue;
      steps.push_back(FieldStep(key));
      const bool owns = value.is_object() && !value.empty() ? OwnsAll(value, live, steps)
                                                            : OwnsField(live, kFieldManager, steps);
      steps.pop_back();
      if (!owns) return false;
    }
    return true;
  }

  static json NewMemo(const json& object, const Observed& observed) {
    json memo = {{kObject, object}};
    if (observed.live->is_null()) {
      memo[kCreated] = true;
      return memo;
    }
    KeepPreImage(crds::PatchType::kMerge, Content(object), observed, memo);
    return memo;
  }

  // What we made is removed again, unless somebody else has made it theirs meanwhile.
  static std::optional<Write> UndoCreation(const json& memo, const Observed& observed) {
    if (!LastOtherManager(*observed.live, kFieldManager).empty()) return std::nullopt;
    return Write{.request = kube::DeleteObject(
                     observed.ref.resource, observed.ref.key,
                     {.uid = FindText(*observed.live, {"metadata", "uid"}),
                      .resource_version = FindText(*observed.live, {"metadata", "resourceVersion"}),
                      .propagation = "Background"},
                     {.server_timeout = observed.server_timeout}),
                 .verb = "Delete",
                 .summary = "remove " + ObjectText(observed.ref) + " again",
                 .memo = memo};
  }

  const json template_;
  const std::vector<ComputedValue> values_;
  const bool force_;
};

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeApply(const crds::Apply& params, const cel::Scope& scope,
                                            std::string_view path) {
  const std::string prefix(path);
  const json object = params.object.Parse();
  KR_RETURN_IF_ERROR(Annotate(CheckSize(object), prefix + ".object"));
  json with_places = object;
  const auto check = [&](const crds::SetValue& value) {
    return value.remove ? CheckPointer(value.path) : SetAt(with_places, value.path, json::object());
  };
  KR_ASSIGN_OR_RETURN(std::vector<ComputedValue> values,
                      CompileSet(params.set, scope, path, check));
  return std::make_unique<ApplyAction>(object, std::move(values), params.force);
}

}  // namespace kr::actions
