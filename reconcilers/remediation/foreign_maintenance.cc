#include "reconcilers/remediation/foreign_maintenance.h"

#include <string>
#include <string_view>

#include "reconcilers/actions/holders.h"
#include "reconcilers/limits/foreign_marks.h"

namespace kr::remediation {
namespace {

using document::Document;
using document::Kind;
using document::Node;
using limits::ForeignMark;

Status NotRead(std::string_view what) {
  return FailedPrecondition(std::string(what) + " was not read");
}

// A taint that a step of ours has set: the node says who holds it.
bool IsOwnTaint(const Document& object, const Node& taint) {
  const std::string held =
      object.At("metadata.annotations").Field(actions::kHoldersAnnotation).StringOr("");
  const std::string key = taint.Field("key").StringOr("");
  return !held.empty() && held.find("\"taint " + key + ":" + taint.Field("effect").StringOr("") +
                                    "\"") != std::string::npos;
}

// The field of an object that is the mark, as people write it; "" when it is not there.
StatusOr<std::string> FieldOf(const ForeignMark& mark, const Document& object) {
  switch (mark.where) {
    case ForeignMark::Where::kAnnotation:
    case ForeignMark::Where::kLabel: {
      const char* map =
          mark.where == ForeignMark::Where::kLabel ? "metadata.labels" : "metadata.annotations";
      const Node value = object.At(map).Field(mark.key);
      if (value.kind() == Kind::kUnprojected) return NotRead(map);
      if (!value.is_string() || !limits::IsMarkValue(mark, value.StringOr(""))) return "";
      return std::string(map) + "['" + std::string(mark.key) + "'] = \"" + value.StringOr("") +
             "\"";
    }
    case ForeignMark::Where::kTaint: {
      const Node taints = object.At("spec.taints");
      if (taints.kind() == Kind::kUnprojected) return NotRead("spec.taints");
      for (size_t i = 0; i < taints.size(); ++i) {
        const std::string key = taints.At(i).Field("key").StringOr("");
        if (!limits::IsMarkKey(mark, key) || IsOwnTaint(object, taints.At(i))) continue;
        return "spec.taints[" + std::to_string(i) + "] = " + key;
      }
      return "";
    }
    case ForeignMark::Where::kCondition: {
      const Node conditions = object.At("status.conditions");
      if (conditions.kind() == Kind::kUnprojected) return NotRead("status.conditions");
      for (size_t i = 0; i < conditions.size(); ++i) {
        const Node condition = conditions.At(i);
        if (!limits::IsMarkKey(mark, condition.Field("type").StringOr(""))) continue;
        if (condition.Field("status").StringOr("") != "True") continue;
        if (condition.Field("reason").StringOr("").starts_with(limits::kOwnConditionReason))
          continue;
        return "condition " + std::string(mark.key);
      }
      return "";
    }
  }
  return "";
}

limits::Refusal Foreign(std::string message) {
  return {.reason = limits::Reason::kForeignMaintenance, .message = std::move(message)};
}

bool IsTrue(const Node& node) {
  return node.kind() == Kind::kBool && node.AsBool();
}

int64_t IntOr(const Node& node, int64_t fallback) {
  return node.kind() == Kind::kInt ? node.AsInt() : fallback;
}

// The deployment controller says itself whether it gets on.
bool MakesProgress(const Document& deployment) {
  const int64_t wanted = IntOr(deployment.At("spec.replicas"), 1);
  if (IntOr(deployment.At("status.updatedReplicas"), 0) >= wanted) return false;
  const Node conditions = deployment.At("status.conditions");
  for (size_t i = 0; i < conditions.size(); ++i) {
    const Node condition = conditions.At(i);
    if (condition.Field("type").StringOr("") != "Progressing") continue;
    const std::string reason = condition.Field("reason").StringOr("");
    return condition.Field("status").StringOr("") == "True" &&
           (reason == "ReplicaSetUpdated" || reason == "NewReplicaSetCreated" ||
            reason == "FoundNewReplicaSet");
  }
  return false;
}

}  // namespace

StatusOr<std::optional<limits::Refusal>> FindForeignMaintenance(const crds::ObjectReference& ref,
                                                                const Document& object) {
  const size_t slash = ref.api_version.find('/');
  const std::string group = slash == std::string::npos ? "" : ref.api_version.substr(0, slash);
  for (const ForeignMark& mark : limits::ForeignMarks()) {
    if (!mark.kind.empty() && (mark.kind != ref.kind || !group.empty())) continue;
    KR_ASSIGN_OR_RETURN(const std::string field, FieldOf(mark, object));
    if (field.empty()) continue;
    return Foreign(ref.ToString() + " has " + field + ": " + std::string(mark.tool) + " " +
                   std::string(mark.means));
  }
  if (group != "apps" || ref.kind != "Deployment") return std::nullopt;
  const Node paused = object.At("spec.paused");
  if (paused.kind() == Kind::kUnprojected) return NotRead("spec.paused");
  if (IsTrue(paused)) {
    return Foreign(ref.ToString() + " has spec.paused = true: somebody holds its rollout");
  }
  if (!MakesProgress(object)) return std::nullopt;
  return Foreign(ref.ToString() + " is being rolled out: " +
                 std::to_string(IntOr(object.At("status.updatedReplicas"), 0)) + " of " +
                 std::to_string(IntOr(object.At("spec.replicas"), 1)) +
                 " replicas are of the newest version");
}

}  // namespace kr::remediation
