#include "crds/v1alpha1/validate_step.h"

#include <algorithm>
#include <array>
#include <string>
#include <variant>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "crds/meta/duration.h"
#include "crds/meta/text.h"

namespace kr::crds {
namespace {

// What identifies an object or belongs to the server: a remedy never patches it.
constexpr std::array<std::string_view, 7> kFixedMetadata = {
    "creationTimestamp", "generation", "managedFields",  "name",
    "namespace",         "uid",        "resourceVersion"};
// What `apply` has to say, and what belongs to the server all the same.
constexpr std::array<std::string_view, 5> kServerMetadata = {
    "creationTimestamp", "generation", "managedFields", "uid", "resourceVersion"};

bool IsBelow(std::string_view path, std::string_view pointer) {
  return path.starts_with(pointer) &&
         (path.size() == pointer.size() || path[pointer.size()] == '/');
}

void ValidateSet(const std::vector<SetValue>& set, const FieldPath& path, Problems& problems) {
  for (size_t i = 0; i < set.size(); ++i) {
    const FieldPath element = path[i];
    if (set[i].expression.empty() != set[i].remove) {
      problems.Add(element, "expected expression, or remove: true");
    }
  }
}

template <size_t N>
void RefuseMetadata(const RawJson& object, const std::vector<SetValue>& set,
                    const std::array<std::string_view, N>& fields, std::string_view problem,
                    const FieldPath& object_path, const FieldPath& set_path, Problems& problems) {
  const nlohmann::json body = object.Parse();
  const auto metadata = body.find("metadata");
  const FieldPath metadata_path = object_path["metadata"];
  for (std::string_view field : fields) {
    if (metadata != body.end() && metadata->is_object() && metadata->contains(std::string(field))) {
      problems.Add(metadata_path[field], problem);
    }
    for (size_t i = 0; i < set.size(); ++i) {
      const FieldPath element = set_path[i];
      if (IsBelow(set[i].path, absl::StrCat("/metadata/", std::string(field)))) {
        problems.Add(element["path"], problem);
      }
    }
  }
}

void ValidateOperation(const JsonPatchOperation& operation, const FieldPath& path,
                       Problems& problems) {
  const bool has_from = operation.op == JsonOp::kMove || operation.op == JsonOp::kCopy;
  if (has_from == operation.from.empty()) {
    problems.Add(path["from"],
                 has_from ? "is required with move and copy" : "belongs to move and copy");
  }
  const bool has_value = !has_from && operation.op != JsonOp::kRemove;
  if (!operation.value.empty() && !operation.value_expression.empty()) {
    problems.Add(path, "value and valueExpression exclude each other");
  } else if (has_value == (operation.value.empty() && operation.value_expression.empty())) {
    problems.Add(path["value"], has_value ? "is required with add, replace and test, or "
                                            "valueExpression"
                                          : "belongs to add, replace and test");
  }
  if (operation.op == JsonOp::kTest) return;  // reading is allowed
  for (std::string_view field : kFixedMetadata) {
    if (IsBelow(operation.path, absl::StrCat("/metadata/", std::string(field)))) {
      problems.Add(path["path"], "identifies the object, no remedy can change it");
    }
  }
}

void ValidatePatch(const Patch& action, const FieldPath& path, Problems& problems) {
  const FieldPath operations = path["operations"];
  if (action.force && action.type != PatchType::kApply) {
    problems.Add(path["force"], "belongs to type Apply");
  }
  if (action.type == PatchType::kJson) {
    if (!action.patch.empty() || !action.set.empty()) {
      problems.Add(path, "type JSON has operations instead of patch and set");
    }
    if (action.operations.empty()) problems.Add(operations, "is required with type JSON");
    for (size_t i = 0; i < action.operations.size(); ++i) {
      ValidateOperation(action.operations[i], operations[i], problems);
    }
    return;
  }
  if (!action.operations.empty()) problems.Add(operations, "belongs to type JSON");
  if (action.patch.empty() && action.set.empty()) {
    problems.Add(path, "expected patch, set or both");
  }
  ValidateSet(action.set, path["set"], problems);
  RefuseMetadata(action.patch, action.set, kFixedMetadata,
                 "identifies the object, no remedy can change it", path["patch"], path["set"],
                 problems);
}

void ValidateApply(const Apply& action, const FieldPath& path, Problems& problems) {
  const nlohmann::json body = action.object.Parse();
  const FieldPath object = path["object"];
  for (std::string_view field : {"apiVersion", "kind"}) {
    const auto found = body.find(std::string(field));
    if (found == body.end() || !found->is_string() ||
        found->get_ref<const std::string&>().empty()) {
      problems.Add(object[field], "is required");
    }
  }
  const auto pointer = nlohmann::json::json_pointer("/metadata/name");
  const bool named = body.contains(pointer) && body[pointer].is_string();
  const bool computed = std::any_of(action.set.begin(), action.set.end(), [](const SetValue& v) {
    return v.path == "/metadata/name" && !v.remove;
  });
  const FieldPath metadata = object["metadata"];
  if (!named && !computed) {
    problems.Add(metadata["name"], "is required, or a value in set for /metadata/name");
  }
  ValidateSet(action.set, path["set"], problems);
  RefuseMetadata(action.object, action.set, kServerMetadata, "belongs to the server", object,
                 path["set"], problems);
  const FieldPath set = path["set"];
  for (size_t i = 0; i < action.set.size(); ++i) {
    const FieldPath element = set[i];
    if (IsBelow(action.set[i].path, "/apiVersion") || IsBelow(action.set[i].path, "/kind")) {
      problems.Add(element["path"], "cannot be computed");
    }
  }
}

void ValidateScale(const Scale& action, const FieldPath& path, Problems& problems) {
  if (action.replicas.has_value() != action.replicas_expression.empty()) {
    problems.Add(path, "expected replicas or replicasExpression, one of the two");
  }
  if (action.raise_only && action.lower_only) {
    problems.Add(path, "raiseOnly and lowerOnly exclude each other");
  }
  if (action.min && action.max && *action.min > *action.max) {
    problems.Add(path["min"], absl::StrCat("is ", *action.min, ", must not be more than max (",
                                           *action.max, ")"));
  }
}

void ValidateParameters(const std::vector<ActionParameter>& parameters, const FieldPath& path,
                        Problems& problems) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].value.empty() || parameters[i].expression.empty()) continue;
    problems.Add(path[i], "value and expression exclude each other");
  }
}

void ValidateWebhook(const Webhook& action, const FieldPath& path, Problems& problems) {
  ValidateParameters(action.parameters, path["parameters"], problems);
  if (action.timeout <= action.deadline) return;
  problems.Add(path["deadline"], absl::StrCat("is ", crds::FormatDuration(action.deadline),
                                              ", must not be shorter than timeout (",
                                              crds::FormatDuration(action.timeout), ")"));
}

void ValidateNodeCommand(const RunNodeCommand& action, const FieldPath& path, Problems& problems) {
  ValidateParameters(action.parameters, path["parameters"], problems);
  if (action.start_deadline <= action.timeout) return;
  problems.Add(path["timeout"], absl::StrCat("is ", crds::FormatDuration(action.timeout),
                                             ", must not be shorter than startDeadline (",
                                             crds::FormatDuration(action.start_deadline), ")"));
}

void ValidateWaitFor(const WaitFor& action, const FieldPath& path, Problems& problems) {
  if (action.hold_for < action.timeout) return;
  problems.Add(path["timeout"], absl::StrCat("is ", crds::FormatDuration(action.timeout),
                                             ", must be longer than for (",
                                             crds::FormatDuration(action.hold_for), ")"));
}

struct ActionValidator {
  const FieldPath& path;
  Problems& problems;

  void operator()(const std::monostate&) const {}
  void operator()(const RolloutRestart&) const {}
  void operator()(const DeletePod&) const {}
  void operator()(const Delete&) const {}
  void operator()(const Cordon&) const {}
  void operator()(const Uncordon&) const {}
  void operator()(const Taint&) const {}
  void operator()(const Untaint&) const {}
  void operator()(const Drain&) const {}
  void operator()(const DeleteNode&) const {}
  void operator()(const RunNodeCommand& action) const {
    ValidateNodeCommand(action, path["nodeCommand"], problems);
  }
  void operator()(const RecreateService& action) const {
    const FieldPath recreate = path["recreateService"];
    ValidateSet(action.set, recreate["set"], problems);
  }
  void operator()(const SetEnv& action) const {
    const FieldPath set_env = path["setEnv"];
    if (action.container.empty() == action.containers.empty()) {
      problems.Add(set_env, action.container.empty() ? "expected container or containers"
                                                     : "container and containers exclude each "
                                                       "other");
    }
    const FieldPath env = set_env["env"];
    for (size_t i = 0; i < action.env.size(); ++i) {
      if (action.env[i].value.empty() || action.env[i].value_expression.empty()) continue;
      problems.Add(env[i], "value and valueExpression exclude each other");
    }
  }
  void operator()(const Patch& action) const { ValidatePatch(action, path["patch"], problems); }
  void operator()(const Apply& action) const { ValidateApply(action, path["apply"], problems); }
  void operator()(const Scale& action) const { ValidateScale(action, path["scale"], problems); }
  void operator()(const Webhook& action) const {
    ValidateWebhook(action, path["webhook"], problems);
  }
  void operator()(const WaitFor& action) const {
    ValidateWaitFor(action, path["waitFor"], problems);
  }
  void operator()(const Notify& action) const {
    if (!action.message.empty() && !action.message_expression.empty()) {
      problems.Add(path["notify"], "message and messageExpression exclude each other");
    }
  }
};

// What a webhook answers stands in the record by its name, what the policy records by its keys.
void ValidateRecord(const Step& step, const RemediationPolicySpec& spec, const FieldPath& path,
                    Problems& problems) {
  const auto* webhook = std::get_if<Webhook>(&step.action);
  if (webhook == nullptr) return;
  const FieldPath webhook_path = path["webhook"];
  for (const Remedy& remedy : spec.remedies) {
    for (const RecordEntry& record : remedy.record) {
      if (record.key != webhook->name) continue;
      problems.Add(webhook_path["name"], absl::StrCat("is a key in record of remedy ", remedy.name,
                                                      ", where the answer's evidence would stand"));
    }
  }
}

void ValidateApplyTo(const ApplyTo& apply_to, const RemediationPolicySpec& spec,
                     const FieldPath& path, Problems& problems) {
  if (apply_to.ref.has_value() != apply_to.related.empty()) {
    problems.Add(path, "expected ref or related, one of the two");
    return;
  }
  if (apply_to.wait_for) ValidateWaitFor(*apply_to.wait_for, path["waitFor"], problems);
  if (apply_to.ref) {
    if (apply_to.ref->name.empty() == apply_to.ref->name_expression.empty()) {
      problems.Add(path["ref"], "expected name or nameExpression, one of the two");
    }
    for (const auto& [given, field] : {std::pair(!apply_to.where.empty(), "where"),
                                       std::pair(!apply_to.order_by.empty(), "orderBy")}) {
      if (given) problems.Add(path[field], "chooses among the objects of related");
    }
    return;
  }
  ExpectDeclared(apply_to.related, spec.related, "spec.related", path["related"], problems);
}

}  // namespace

void ExpectOneOf(std::string_view name, const std::vector<std::string_view>& names,
                 std::string_view list, const FieldPath& path, Problems& problems) {
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  std::string message = absl::StrCat("\"", ToAbsl(name), "\" is not declared in ", ToAbsl(list));
  if (std::string_view nearest = Nearest(name, names); !nearest.empty()) {
    absl::StrAppend(&message, ", did you mean \"", ToAbsl(nearest), "\"?");
  }
  problems.Add(path, message);
}

void ValidateStep(const Step& step, const RemediationPolicySpec& spec, const FieldPath& path,
                  Problems& problems) {
  std::visit(ActionValidator{path, problems}, step.action);
  ValidateRecord(step, spec, path, problems);
  if (!step.apply_to) return;
  if (std::holds_alternative<Apply>(step.action)) {
    problems.Add(path["applyTo"], "has no meaning for apply, which names its object itself");
    return;
  }
  ValidateApplyTo(*step.apply_to, spec, path["applyTo"], problems);
}

}  // namespace kr::crds
