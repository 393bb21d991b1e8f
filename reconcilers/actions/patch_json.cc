#include "reconcilers/actions/patch_json.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "controller/kube/request.h"
#include "crds/meta/text.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/computed_value.h"
#include "reconcilers/actions/patch.h"
#include "reconcilers/actions/patch_effect.h"
#include "reconcilers/actions/patch_json_undo.h"
#include "reconcilers/actions/patch_rules.h"

namespace kr::actions {
namespace {

using nlohmann::json;

constexpr char kOperations[] = "operations";
constexpr char kVersion[] = "version";
constexpr size_t kMaxSummaryChars = 300;

// The object without what the server counts, so that two states can be compared.
json Content(json object) {
  object.erase("status");
  if (auto metadata = object.find("metadata"); metadata != object.end()) {
    for (const char* field : {"resourceVersion", "generation", "managedFields"}) {
      metadata->erase(field);
    }
  }
  return object;
}

// Whether each operation has left what it was to make.
bool AllThere(const json& operations, const json& object) {
  for (const json& operation : operations) {
    const std::string op = operation["op"];
    if (op == "test") continue;
    const json::json_pointer path{operation["path"].get<std::string>()};
    if (op == "remove") {
      if (object.contains(path)) return false;
    } else if (op == "add" && path.back() == "-") {
      const json::json_pointer list = path.parent_pointer();
      if (!object.contains(list) || object[list].empty() ||
          object[list].back() != operation["value"]) {
        return false;
      }
    } else if (op == "move" || op == "copy") {
      if (!object.contains(path)) return false;
    } else if (!object.contains(path) || object[path] != operation["value"]) {
      return false;
    }
  }
  return true;
}

class JsonPatchAction final : public Action {
 public:
  JsonPatchAction(json operations, std::vector<std::optional<cel::Program>> programs)
      : operations_(std::move(operations)), programs_(std::move(programs)) {}

  std::string_view kind() const override { return "patch"; }
  Disruption disruption() const override { return Disruption::kWorkload; }
  Reversal reversal() const override { return Reversal::kChange; }
  std::vector<RbacRule> RequiredRules(const kube::Resource& resource) const override {
    return PatchRules(resource);
  }
  std::string Describe() const override { return "JSON patch " + Compact(operations_); }
  std::vector<const cel::Program*> Expressions() const override {
    std::vector<const cel::Program*> programs;
    for (const auto& program : programs_) {
      if (program) programs.push_back(&*program);
    }
    return programs;
  }

  Next Ask(const json& memo, const Observed& observed) const override {
    if (std::optional<Next> need = NeedLive(observed)) return *std::move(need);
    const json& live = *observed.live;
    const std::string version = FindText(live, {"metadata", "resourceVersion"});
    if (const json* sent = Find(memo, {kOperations}); sent && version != memo.value(kVersion, "")) {
      if (AllThere(*sent, live)) return Done{.message = "done: " + Shown(*sent, observed)};
      return Failed{"OutcomeUnknown",
                    "the answer to the patch got lost and " + ObjectText(observed.ref) +
                        " was changed since; it is not sent again, because it might have been "
                        "executed: " +
                        Shown(*sent, observed)};
    }
    json operations = operations_;
    if (const json* decided = Find(memo, {kOperations})) {
      operations = *decided;
    } else if (std::optional<Next> instead = Decide(observed, operations)) {
      return *std::move(instead);
    }
    const StatusOr<json> after = ApplyJsonPatch(live, operations);
    if (!after.ok()) {
      const bool test = Message(after.status()).find("unsuccessful") != std::string_view::npos;
      return Failed{test ? "TestFailed" : "InvalidPatch",
                    ObjectText(observed.ref) + ": " + std::string(Message(after.status()))};
    }
    if (Content(*after) == Content(live)) {
      return Done{.message = "already so: " + Shown(operations, observed)};
    }
    const std::string summary = "JSON patch " + Shown(operations, observed);
    if (std::optional<Next> owned = RefuseOwned(observed, "apply the " + summary)) {
      return *std::move(owned);
    }
    return Write{.request = Request(operations, version, observed),
                 .verb = "Patch",
                 .summary = summary,
                 .memo = NewMemo(operations, version, observed)};
  }

  std::optional<Write> Undo(const json& memo, const Observed& observed) const override {
    const json* places = Find(memo, {kBefore});
    if (places == nullptr || NeedLive(observed)) return std::nullopt;
    std::optional<json> undo = UndoJsonPatch(*places, *observed.live);
    if (!undo) return std::nullopt;
    return Write{.request = Request(
                     *undo, FindText(*observed.live, {"metadata", "resourceVersion"}), observed),
                 .verb = "Patch",
                 .summary = "put back " + Shown(*undo, observed),
                 .memo = memo};
  }

  std::string Left(const json& memo, const Observed& observed) const override {
    if (auto whole = LeftWhole(memo, observed)) return *std::move(whole);
    const json* places = Find(memo, {kBefore});
    return places == nullptr ? "" : NotRestoredPlaces(*places, *observed.live);
  }

 private:
  static json NewMemo(const json& operations, const std::string& version,
                      const Observed& observed) {
    json memo = {{kOperations, operations}, {kVersion, version}};
    if (kube::IsSecret(observed.ref.resource.gvk)) {
      memo[kNoUndo] = "the content of a Secret is never stored";
      return memo;
    }
    StatusOr<json> places = JsonPreImage(operations, *observed.live);
    if (!places.ok()) {
      memo[kNoUndo] = std::string(Message(places.status()));
    } else if (places->dump(-1, ' ', false, json::error_handler_t::replace).size() >
               kMaxPreImageBytes) {
      memo[kNoUndo] = "the values before are too large to be kept";
    } else {
      memo[kBefore] = *std::move(places);
    }
    return memo;
  }

  static std::string Compact(const json& operations) {
    return crds::Truncate(operations.dump(-1, ' ', false, json::error_handler_t::replace),
                          kMaxSummaryChars);
  }
  static std::string Shown(const json& operations, const Observed& observed) {
    return kube::IsSecret(observed.ref.resource.gvk) ? "(content of a Secret)"
                                                     : Compact(operations);
  }

  std::optional<Next> Decide(const Observed& observed, json& operations) const {
    for (size_t i = 0; i < programs_.size(); ++i) {
      if (!programs_[i]) continue;
      StatusOr<json> value = observed.evaluate(*programs_[i]);
      if (value.ok()) {
        operations[i]["value"] = *std::move(value);
        continue;
      }
      return ValueUnknown("the value for " + operations[i]["path"].get<std::string>(),
                          *programs_[i], Message(value.status()), observed);
    }
    return std::nullopt;
  }

  static kube::HttpRequest Request(const json& operations, const std::string& version,
                                   const Observed& observed) {
    json guarded =
        json::array({{{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", version}}});
    for (const json& operation : operations) guarded.push_back(operation);
    kube::WriteOptions options;
    options.field_manager = kFieldManager;
    options.server_timeout = observed.server_timeout;
    return kube::PatchObject(observed.ref.resource, observed.ref.key, "", kube::PatchType::kJson,
                             guarded, options);
  }

  const json operations_;
  const std::vector<std::optional<cel::Program>> programs_;  // by operation
};

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeJsonPatch(const crds::Patch& params, const cel::Scope& scope,
                                                std::string_view path) {
  json operations = json::array();
  std::vector<std::optional<cel::Program>> programs;
  for (size_t i = 0; i < params.operations.size(); ++i) {
    const crds::JsonPatchOperation& spec = params.operations[i];
    const std::string element = std::string(path) + ".operations[" + std::to_string(i) + "]";
    json operation = {{"op", crds::ToString(spec.op)}, {"path", spec.path}};
    if (!spec.from.empty()) operation["from"] = spec.from;
    if (!spec.value.empty()) operation["value"] = spec.value.Parse();
    if (spec.op != crds::JsonOp::kTest) {
      // The same places as for the other types must stay as they are.
      json touched = json::object();
      KR_RETURN_IF_ERROR(Annotate(SetAt(touched, spec.path, json::object()), element + ".path"));
      KR_RETURN_IF_ERROR(Annotate(CheckPatch(crds::PatchType::kMerge, touched), element + ".path"));
    }
    std::optional<cel::Program>& program = programs.emplace_back();
    if (!spec.value_expression.empty()) {
      auto compiled = cel::Program::Compile(spec.value_expression, scope);
      if (!compiled.ok()) return Annotate(compiled.status(), element + ".valueExpression");
      program = *std::move(compiled);
    }
    operations.push_back(std::move(operation));
  }
  if (operations.empty()) {
    return InvalidArgument(std::string(path) + ".operations: expected at least one");
  }
  if (SizeOf(operations) > kMaxPatchBytes) {
    return InvalidArgument(std::string(path) + ".operations: at most 64 KiB are allowed");
  }
  return std::make_unique<JsonPatchAction>(std::move(operations), std::move(programs));
}

}  // namespace kr::actions
