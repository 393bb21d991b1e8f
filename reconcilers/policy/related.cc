#include "reconcilers/policy/related.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "reconcilers/policy/reads.h"
#include "reconcilers/policy/scope.h"
#include "reconcilers/policy/selector.h"
#include "reconcilers/policy/target_activation.h"

namespace kr::policy {
namespace {

using document::Document;
using document::Node;
using document::Path;
using document::Step;

Path FieldPath(std::initializer_list<const char*> fields) {
  Path path;
  for (const char* field : fields) path.steps.push_back(Step::Field(field));
  return path;
}

// The Deployment behind a pod, without looking at its ReplicaSet: the deployment controller names
// the ReplicaSet after the Deployment and the hash that the pod carries as a label.
std::string DeploymentOfPod(const Document& pod, const ControllerOf& controller) {
  if (controller.kind != "ReplicaSet") return "";
  const std::string hash = "-" + pod.At("metadata.labels").Field("pod-template-hash").StringOr("");
  if (hash.size() == 1 || !controller.name.ends_with(hash)) return "";
  return controller.name.substr(0, controller.name.size() - hash.size());
}

std::string DeploymentKey(std::string_view name_space, std::string_view name) {
  return "Deployment/" + std::string(name_space) + "/" + std::string(name);
}

RelatedJoin OwnedPods(const crds::Related& spec) {
  RelatedJoin join;
  join.name = spec.name;
  join.gvk = {"", "v1", "Pod"};
  join.same_namespace = true;
  join.max = static_cast<size_t>(spec.max);
  join.owned_pods = true;
  join.key = [](const Document& pod) -> Keys {
    const auto controller = FindController(pod);
    if (!controller) return {};
    Keys keys{controller->uid};
    const std::string deployment = DeploymentOfPod(pod, *controller);
    if (!deployment.empty()) keys.push_back(DeploymentKey(pod.name_space(), deployment));
    return keys;
  };
  join.equals = [](const Document& target) -> Keys {
    return {std::string(target.uid()), DeploymentKey(target.name_space(), target.name())};
  };
  join.key_paths = ControllerPaths();
  join.key_paths.push_back(FieldPath({"metadata", "labels", "pod-template-hash"}));
  return join;
}

// The related object as `it`; nothing else exists.
class ItActivation final : public cel::Activation {
 public:
  explicit ItActivation(const Document& object) : object_(object) {}
  StatusOr<cel::Value> Resolve(std::string_view variable) const override {
    if (variable == "it") return cel::Value::Node(object_.root());
    return NotFound("no such variable: " + std::string(variable));
  }

 private:
  const Document& object_;
};

void AddKeys(const nlohmann::json& value, Keys& keys) {
  if (value.is_array()) {
    for (const auto& element : value) AddKeys(element, keys);
  } else if (value.is_string()) {
    if (!value.get_ref<const std::string&>().empty()) keys.push_back(value.get<std::string>());
  } else if (!value.is_null()) {
    keys.push_back(value.dump());
  }
}

// An error gives no key: the object joins nothing. What reads the join sees it as absent.
Keys Evaluate(const cel::Program& program, const cel::Activation& activation) {
  const cel::Outcome outcome = program.Evaluate(activation, absl::UnixEpoch());
  Keys keys;
  if (outcome.value.ok()) AddKeys(outcome.value->ToJson(), keys);
  return keys;
}

struct QueryPrograms {
  std::optional<cel::Program> where, key, equals;
};

KeyFunction QueryKey(const crds::Related& query, const QueryPrograms& programs) {
  return [query, programs](const Document& it) -> Keys {
    if (!query.names.empty() &&
        std::find(query.names.begin(), query.names.end(), it.name()) == query.names.end()) {
      return {};
    }
    if (query.selector && !LabelsMatch(*query.selector, it)) return {};
    if (programs.where) {
      const cel::Outcome outcome = programs.where->Evaluate(ItActivation(it), absl::UnixEpoch());
      if (!outcome.value.ok() || !outcome.value->AsBool() || !*outcome.value->AsBool()) return {};
    }
    return programs.key ? Evaluate(*programs.key, ItActivation(it)) : Keys{"*"};
  };
}

KeyFunction QueryEquals(const kube::GroupVersionKind& kind, const QueryPrograms& programs) {
  return [kind, programs](const Document& target) -> Keys {
    return programs.equals ? Evaluate(*programs.equals, TargetActivation(kind, target)) : Keys{"*"};
  };
}

StatusOr<RelatedJoin> Query(const crds::Related& query, const kube::GroupVersionKind& target,
                            const std::string& path) {
  RelatedJoin join;
  join.name = query.name;
  join.gvk = kube::GroupVersionKind::FromApiVersion(query.api_version, query.kind);
  join.same_namespace = query.same_namespace;
  join.name_space = query.name_space;
  join.names = query.names;
  join.selector = query.selector;
  join.max = static_cast<size_t>(query.max);

  QueryPrograms programs;
  const auto compile = [&](const std::string& text, const char* field, const cel::Scope& scope,
                           std::optional<cel::Type> type,
                           std::optional<cel::Program>& out) -> Status {
    if (text.empty()) return OkStatus();
    auto program = cel::Program::Compile(text, scope, std::move(type));
    if (!program.ok()) return Annotate(program.status(), path + "." + field);
    out = *std::move(program);
    return OkStatus();
  };
  KR_RETURN_IF_ERROR(compile(query.where, "where", ItScope(), cel::Type::Bool(), programs.where));
  KR_RETURN_IF_ERROR(compile(query.key, "key", ItScope(), std::nullopt, programs.key));
  KR_RETURN_IF_ERROR(compile(query.equals, "equals", TargetScope(), std::nullopt, programs.equals));
  for (const auto& program : {programs.where, programs.key}) {
    if (!program) continue;
    for (Path& p : PathsOf(program->reads(), "it")) join.key_paths.push_back(std::move(p));
  }
  if (query.selector) join.key_paths.push_back(FieldPath({"metadata", "labels"}));
  if (programs.equals) join.equals_paths = PathsOf(programs.equals->reads(), "object");
  join.key = QueryKey(query, programs);
  join.equals = QueryEquals(target, programs);
  return join;
}

}  // namespace

StatusOr<RelatedJoin> CompileRelated(const crds::Related& spec,
                                     const kube::GroupVersionKind& target, std::string_view path) {
  const auto later = [&](const char* field) {
    return InvalidArgument(std::string(path) + "." + field + ": is not supported by this version");
  };
  if (!spec.of.empty()) return later("of");
  if (!spec.labels.empty()) return later("labels");
  if (!spec.preset) return Query(spec, target, std::string(path));
  if (*spec.preset != crds::RelatedPreset::kOwnedPods) return later("preset");
  if (!spec.where.empty()) return later("where");
  return OwnedPods(spec);
}

std::optional<ControllerOf> FindController(const Document& object) {
  const Node owners = object.At("metadata.ownerReferences");
  for (size_t i = 0; i < owners.size(); ++i) {
    const Node owner = owners.At(i);
    const Node controller = owner.Field("controller");
    if (controller.kind() != document::Kind::kBool || !controller.AsBool()) continue;
    return ControllerOf{owner.Field("apiVersion").StringOr(""), owner.Field("kind").StringOr(""),
                        owner.Field("name").StringOr(""), owner.Field("uid").StringOr("")};
  }
  return std::nullopt;
}

std::vector<Path> ControllerPaths() {
  std::vector<Path> paths;
  for (const char* field : {"apiVersion", "controller", "kind", "name", "uid"}) {
    Path path = FieldPath({"metadata", "ownerReferences"});
    path.steps.push_back(Step::Each());
    path.steps.push_back(Step::Field(field));
    paths.push_back(std::move(path));
  }
  return paths;
}

}  // namespace kr::policy
