#pragma once

#include <string_view>
#include <utility>

#include "crds/v1alpha1/field_rules.h"
#include "crds/v1alpha1/step.h"

// The JSON form of a step and its action.
namespace kr::crds {

template <>
struct EnumNames<PatchType> {
  static constexpr std::pair<PatchType, std::string_view> kNames[] = {
      {PatchType::kMerge, "Merge"}, {PatchType::kStrategic, "Strategic"}};
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
}

template <typename V>
void Describe(V& v, Member<V, SetEnv>& x) {
  v.Field("container", x.container, Text(kDnsLabel, kMaxName));
  v.Field("containers", x.containers, Text(kDnsLabel, kMaxName).Items(0, 16, "*"));
  v.Field("env", x.env, Items(1, 64, "name").Required());
}

template <typename V>
void Describe(V& v, Member<V, SetValue>& x) {
  v.Field("path", x.path, Text(kJsonPointer, 512).Required());
  v.Field("expression", x.expression, Expression().Required());
}

template <typename V>
void Describe(V& v, Member<V, Patch>& x) {
  v.Field("type", x.type);
  v.Field("patch", x.patch, Text(kMaxPatchBytes));
  v.Field("set", x.set, Items(0, 32, "path"));
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
}

template <typename V>
void Describe(V& v, Member<V, ApplyTo>& x) {
  v.Object("ref", x.ref, Rules{.required = true}, [](auto& below, auto& ref) {
    below.Field("apiVersion", ref.api_version, Text(kGroupVersion, kMaxObjectName).Required());
    below.Field("kind", ref.kind, Text(kKindName, kMaxName).Required());
    below.Field("namespace", ref.name_space, Text(kDnsLabel, kMaxNamespace));
    below.Field("name", ref.name, Text(kMaxObjectName).Required());
  });
}

template <typename V>
void Describe(V& v, Member<V, Step>& x) {
  v.template Alternative<SetEnv>("setEnv", x.action);
  v.template Alternative<Patch>("patch", x.action);
  v.template Alternative<WaitFor>("waitFor", x.action);
  v.template Alternative<Notify>("notify", x.action);
  v.Field("applyTo", x.apply_to);
  v.Field("onFailure", x.on_failure);
  v.ExactlyOne("exactly one action: setEnv, patch, waitFor or notify");
}

}  // namespace kr::crds
