#include "reconcilers/policy/secrets.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "reconcilers/actions/patch.h"

namespace kr::policy {
namespace {

using document::Step;
using kube::IsSecret;

// Whether a path below a Secret can reach its data; metadata, type and kind are no secret.
bool ReachesData(const std::vector<Step>& steps, size_t begin) {
  if (begin >= steps.size()) return true;
  const Step& first = steps[begin];
  return first.kind == Step::Kind::kEach || first.field == "data" || first.field == "stringData";
}

class Reader {
 public:
  explicit Reader(const CompiledPolicy& policy) : policy_(policy) {
    for (const NamedProgram& variable : policy.variables) {
      if (ReadsSecret(variable.program.reads())) secret_variables_.push_back(variable.name);
    }
  }

  // `it`: the kind of what `it` is, where there is one.
  bool ReadsSecret(const std::vector<cel::Read>& reads,
                   const kube::GroupVersionKind& it = {}) const {
    return std::any_of(reads.begin(), reads.end(),
                       [&](const cel::Read& read) { return IsSecretRead(read, it); });
  }

 private:
  bool IsSecretRead(const cel::Read& read, const kube::GroupVersionKind& it) const {
    const std::vector<Step>& steps = read.path.steps;
    if (read.path.depth == document::Depth::kPresence) return false;
    if (read.variable == "it") return IsSecret(it) && ReachesData(steps, 0);
    if (read.variable == "object") return IsSecret(policy_.target) && ReachesData(steps, 0);
    // related.<join>[*]..., variables.<name>...; without a name any of them.
    const auto names = [&](const std::string& name) {
      return steps.empty() || steps[0].kind == Step::Kind::kEach || steps[0].field == name;
    };
    if (read.variable == "related") {
      return std::any_of(policy_.related.begin(), policy_.related.end(), [&](const auto& join) {
        return IsSecret(join.gvk) && names(join.name) && ReachesData(steps, 2);
      });
    }
    return read.variable == "variables" &&
           std::any_of(secret_variables_.begin(), secret_variables_.end(), names);
  }

  const CompiledPolicy& policy_;
  std::vector<std::string> secret_variables_;
};

kube::GroupVersionKind ObjectOf(const CompiledPolicy& policy, const policy::Step& step) {
  return step.apply_to ? step.apply_to->gvk : policy.target;
}

// Where a step would write down values that were computed for a Secret; "" when it does not.
std::string_view ComputedForSecret(const CompiledPolicy& policy, const policy::Step& step) {
  if (const auto* apply = std::get_if<crds::Apply>(&step.spec.action)) {
    const auto kind = apply->object.Parse().value("kind", "");
    return kind == "Secret" && !apply->set.empty() ? ".apply.set" : "";
  }
  const auto* patch = std::get_if<crds::Patch>(&step.spec.action);
  if (patch == nullptr || !IsSecret(ObjectOf(policy, step))) return "";
  const bool computed =
      std::any_of(patch->operations.begin(), patch->operations.end(),
                  [](const auto& operation) { return !operation.value_expression.empty(); });
  return computed ? ".patch.operations" : patch->set.empty() ? "" : ".patch.set";
}

}  // namespace

Status CheckSecrets(const CompiledPolicy& policy) {
  const Reader reader(policy);
  for (size_t t = 0; t < policy.triggers.size(); ++t) {
    for (const signals::SignalPtr& signal : policy.triggers[t].signals) {
      if (!signal->KeepsBaseline() || !reader.ReadsSecret(signal->Reads())) continue;
      return InvalidArgument("spec.triggers[" + std::to_string(t) +
                             "].changed.expression: reads the data of a Secret, and a "
                             "TargetBaseline would show it");
    }
  }
  for (size_t r = 0; r < policy.remedies.size(); ++r) {
    const Remedy& remedy = policy.remedies[r];
    for (size_t k = 0; k < remedy.record.size(); ++k) {
      if (!reader.ReadsSecret(remedy.record[k].program.reads())) continue;
      return InvalidArgument("spec.remedies[" + std::to_string(r) + "].record[" +
                             std::to_string(k) +
                             "].expression: reads the data of a Secret, and the status of the "
                             "Remediation would show it");
    }
    for (size_t s = 0; s < remedy.steps.size(); ++s) {
      const policy::Step& step = remedy.steps[s];
      const std::string path =
          "spec.remedies[" + std::to_string(r) + "].steps[" + std::to_string(s) + "]";
      if (const std::string_view field = ComputedForSecret(policy, step); !field.empty()) {
        return InvalidArgument(path + std::string(field) + ": " +
                               std::string(actions::kNoSetOnSecret));
      }
      const bool tells = std::holds_alternative<crds::Notify>(step.spec.action);
      if (!tells && !std::holds_alternative<crds::Webhook>(step.spec.action)) continue;
      for (const cel::Program* program : step.action->Expressions()) {
        if (!reader.ReadsSecret(program->reads(), ObjectOf(policy, step))) continue;
        return InvalidArgument(
            path + (tells ? ".notify.messageExpression: reads the data of a Secret, and an Event "
                            "would show it"
                          : ".webhook.parameters: " + program->text() +
                                " reads the data of a Secret, and the status of the Remediation "
                                "would show it"));
      }
    }
  }
  return OkStatus();
}

}  // namespace kr::policy
