#pragma once

#include <string_view>
#include <utility>

#include "crds/v1alpha1/field_rules.h"
#include "crds/v1alpha1/node_steps_fields.h"
#include "crds/v1alpha1/service_steps_fields.h"
#include "crds/v1alpha1/step.h"

// The JSON form of a step and its action.
namespace kr::crds {

inline constexpr int64_t kMaxReplicas = 100000;

template <>
struct EnumNames<PatchType> {
  static constexpr std::pair<PatchType, std::string_view> kNames[] = {
      {PatchType::kMerge, "Merge"},
      {PatchType::kStrategic, "Strategic"},
      {PatchType::kJson, "JSON"},
      {PatchType::kApply, "Apply"}};
};

template <>
struct EnumNames<JsonOp> {
  static constexpr std::pair<JsonOp, std::string_view> kNames[] = {
      {JsonOp::kAdd, "add"},   {JsonOp::kRemove, "remove"}, {JsonOp::kReplace, "replace"},
      {JsonOp::kMove, "move"}, {JsonOp::kCopy, "copy"},     {JsonOp::kTest, "test"}};
};

template <>
struct EnumNames<AutoscalerRule> {
  static constexpr std::pair<AutoscalerRule, std::string_view> kNames[] = {
      {AutoscalerRule::kRefuse, "Refuse"}, {AutoscalerRule::kIgnore, "Ignore"}};
};

template <>
struct EnumNames<DeletePodMode> {
  static constexpr std::pair<DeletePodMode, std::string_view> kNames[] = {
      {DeletePodMode::kEvict, "Evict"},
      {DeletePodMode::kDelete, "Delete"},
      {DeletePodMode::kForce, "Force"}};
};

template <>
struct EnumNames<Propagation> {
  static constexpr std::pair<Propagation, std::string_view> kNames[] = {
      {Propagation::kBackground, "Background"},
      {Propagation::kForeground, "Foreground"},
      {Propagation::kOrphan, "Orphan"}};
};

template <>
struct EnumNames<OnFailure> {
  static constexpr std::pair<OnFailure, std::string_view> kNames[] = {
      {OnFailure::kFail, "Fail"},
      {OnFailure::kContinue, "Continue"},
      {OnFailure::kRollback, "Rollback"}};
};

template <typename V>
void Describe(V& v, Member<V, EnvVar>& x) {
  v.Field("name", x.name, Text(kEnvName, kMaxObjectName).Required());
  v.Field("value", x.value, Text(4096));
  v.Field("valueExpression", x.value_expression, Expression());
}

template <typename V>
void Describe(V& v, Member<V, SetEnv>& x) {
  v.Field("container", x.container, Text(kDnsLabel, kMaxName));
  v.Field("containers", x.containers, Text(kDnsLabel, kMaxName).Items(0, 16, "*"));
  v.Field("env", x.env, Items(1, 64, "name").Required());
}

template <typename V>
void Describe(V& v, Member<V, JsonPatchOperation>& x) {
  v.Field("op", x.op, Rules{.required = true});
  v.Field("path", x.path, Text(kJsonPointer, 512).Required());
  v.Field("from", x.from, Text(kJsonPointer, 512));
  v.Field("value", x.value, Text(kMaxPatchBytes).AnyJson());
  v.Field("valueExpression", x.value_expression, Expression());
}

template <typename V>
void Describe(V& v, Member<V, Patch>& x) {
  v.Field("type", x.type);
  v.Field("patch", x.patch, Text(kMaxPatchBytes));
  v.Field("set", x.set, Items(0, 32, "path"));
  v.Field("operations", x.operations, Items(0, 64));
  v.Field("force", x.force);
}

template <typename V>
void Describe(V& v, Member<V, Apply>& x) {
  v.Field("object", x.object, Text(kMaxPatchBytes).Required());
  v.Field("set", x.set, Items(0, 32, "path"));
  v.Field("force", x.force);
}

template <typename V>
void Describe(V& v, Member<V, Scale>& x) {
  v.Field("replicas", x.replicas, Between(0, kMaxReplicas));
  v.Field("replicasExpression", x.replicas_expression, Expression());
  v.Field("min", x.min, Between(0, kMaxReplicas));
  v.Field("max", x.max, Between(0, kMaxReplicas));
  v.Field("raiseOnly", x.raise_only);
  v.Field("lowerOnly", x.lower_only);
  v.Field("autoscaler", x.autoscaler);
}

template <typename V>
void Describe(V&, Member<V, RolloutRestart>&) {}

template <typename V>
void Describe(V& v, Member<V, DeletePod>& x) {
  v.Field("mode", x.mode);
  v.Field("gracePeriodSeconds", x.grace_period_seconds, Between(1, kMaxGraceSeconds));
  v.Field("timeout", x.timeout, Between(kShortest, kDay));
}

template <typename V>
void Describe(V& v, Member<V, Delete>& x) {
  v.Field("propagation", x.propagation);
  v.Field("gracePeriodSeconds", x.grace_period_seconds, Between(1, kMaxGraceSeconds));
  v.Field("timeout", x.timeout, Between(kShortest, kDay));
}

template <typename V>
void Describe(V& v, Member<V, Webhook>& x) {
  v.Field("name", x.name, Text(kDnsLabel, kMaxName).Required());
  v.Field("parameters", x.parameters, Items(0, 32, "name"));
  v.Field("timeout", x.timeout, Between(kShortest, absl::Minutes(2)));
  v.Field("deadline", x.deadline, Between(kShortest, absl::Hours(2)));
}

template <typename V>
void Describe(V& v, Member<V, WaitFor>& x) {
  v.Field("expression", x.expression, Expression().Required());
  v.Field("for", x.hold_for, Between(kNone, kDay));
  v.Field("timeout", x.timeout, Between(kShortest, kDay));
}

template <typename V>
void Describe(V& v, Member<V, Notify>& x) {
  v.Field("message", x.message, Text(1024));
  v.Field("messageExpression", x.message_expression, Expression());
  v.Field("webhook", x.webhook, Text(kDnsLabel, kMaxName));
}

template <typename V>
void Describe(V& v, Member<V, ApplyToRef>& x) {
  v.Field("apiVersion", x.api_version, Text(kGroupVersion, kMaxObjectName).Required());
  v.Field("kind", x.kind, Text(kKindName, kMaxName).Required());
  v.Field("namespace", x.name_space, Text(kDnsLabel, kMaxNamespace));
  v.Field("name", x.name, Text(kMaxObjectName));
  v.Field("nameExpression", x.name_expression, Expression());
}

template <typename V>
void Describe(V& v, Member<V, ApplyTo>& x) {
  v.Field("ref", x.ref);
  v.Field("related", x.related, Text(kIdentifier, kMaxName));
  v.Field("where", x.where, Expression());
  v.Field("orderBy", x.order_by, Expression());
  v.Field("max", x.max, Between(1, kMaxApplyTo));
  v.Field("maxConcurrent", x.max_concurrent, Between(1, 50));
  v.Field("waitFor", x.wait_for);
}

template <typename V>
void Describe(V& v, Member<V, Step>& x) {
  v.template Alternative<SetEnv>("setEnv", x.action);
  v.template Alternative<Patch>("patch", x.action);
  v.template Alternative<Apply>("apply", x.action);
  v.template Alternative<Scale>("scale", x.action);
  v.template Alternative<RolloutRestart>("rolloutRestart", x.action);
  v.template Alternative<DeletePod>("deletePod", x.action);
  v.template Alternative<Delete>("delete", x.action);
  v.template Alternative<Cordon>("cordon", x.action);
  v.template Alternative<Uncordon>("uncordon", x.action);
  v.template Alternative<Taint>("taint", x.action);
  v.template Alternative<Untaint>("untaint", x.action);
  v.template Alternative<Drain>("drain", x.action);
  v.template Alternative<DeleteNode>("deleteNode", x.action);
  v.template Alternative<RunNodeCommand>("nodeCommand", x.action);
  v.template Alternative<RecreateService>("recreateService", x.action);
  v.template Alternative<Webhook>("webhook", x.action);
  v.template Alternative<WaitFor>("waitFor", x.action);
  v.template Alternative<Notify>("notify", x.action);
  v.Field("applyTo", x.apply_to);
  v.Field("onFailure", x.on_failure);
  v.ExactlyOne(
      "exactly one action: setEnv, patch, apply, scale, rolloutRestart, deletePod, delete, cordon, "
      "uncordon, taint, untaint, drain, deleteNode, nodeCommand, recreateService, webhook, waitFor "
      "or notify");
}

}  // namespace kr::crds
