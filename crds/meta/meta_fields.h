#pragma once

#include <string_view>
#include <utility>

#include "crds/meta/condition.h"
#include "crds/meta/fields.h"
#include "crds/meta/label_selector.h"
#include "crds/meta/object_meta.h"
#include "crds/meta/rules.h"

// The JSON forms of the types that every kind has.
namespace kr::crds {

inline constexpr size_t kMaxObjectName = 253;
inline constexpr size_t kMaxNamespace = 63;
inline constexpr size_t kMaxUid = 64;
inline constexpr size_t kMaxMessage = 2048;
inline constexpr size_t kMaxConditionMessage = 4096;  // lists all problems of a policy

template <>
struct EnumNames<ConditionStatus> {
  static constexpr std::pair<ConditionStatus, std::string_view> kNames[] = {
      {ConditionStatus::kTrue, "True"},
      {ConditionStatus::kFalse, "False"},
      {ConditionStatus::kUnknown, "Unknown"}};
};

template <>
struct EnumNames<LabelSelector::Operator> {
  using Operator = LabelSelector::Operator;
  static constexpr std::pair<Operator, std::string_view> kNames[] = {
      {Operator::kIn, "In"},
      {Operator::kNotIn, "NotIn"},
      {Operator::kExists, "Exists"},
      {Operator::kDoesNotExist, "DoesNotExist"}};
};

template <typename V>
void Describe(V& v, Member<V, OwnerReference>& x) {
  v.IgnoreUnknown();
  v.Field("apiVersion", x.api_version);
  v.Field("kind", x.kind);
  v.Field("name", x.name);
  v.Field("uid", x.uid);
  v.Field("controller", x.controller);
  v.Field("blockOwnerDeletion", x.block_owner_deletion);
}

template <typename V>
void Describe(V& v, Member<V, ObjectMeta>& x) {
  v.IgnoreUnknown();
  v.Field("name", x.name);
  v.Field("namespace", x.name_space);
  v.Field("uid", x.uid);
  v.Field("resourceVersion", x.resource_version);
  v.Field("generation", x.generation, Rules{.min = 1});
  v.Field("creationTimestamp", x.creation_timestamp);
  v.Field("deletionTimestamp", x.deletion_timestamp);
  v.Field("labels", x.labels);
  v.Field("annotations", x.annotations);
  v.Field("finalizers", x.finalizers);
  v.Field("ownerReferences", x.owner_references);
}

template <typename V>
void Describe(V& v, Member<V, ObjectReference>& x) {
  v.Field("apiVersion", x.api_version, Text(kGroupVersion, kMaxObjectName).Required());
  v.Field("kind", x.kind, Text(kKindName, 63).Required());
  v.Field("namespace", x.name_space, Text(kDnsLabel, kMaxNamespace));
  v.Field("name", x.name, Text(kMaxObjectName).Required());
  v.Field("uid", x.uid, Text(kMaxUid));
}

template <typename V>
void Describe(V& v, Member<V, Condition>& x) {
  v.Field("type", x.type, Text(kCamelCase, 316).Required());
  v.Field("status", x.status, Rules{.required = true});
  v.Field("observedGeneration", x.observed_generation, Rules{});
  v.Field("lastTransitionTime", x.last_transition_time, Rules{.required = true});
  v.Field("reason", x.reason, Text(kCamelCase, 128).Required());
  v.Field("message", x.message, Prose(kMaxConditionMessage));
}

template <typename V>
void Describe(V& v, Member<V, LabelSelector::Requirement>& x) {
  v.Field("key", x.key, Text(317).Required());
  v.Field("operator", x.op, Rules{.required = true});
  v.Field("values", x.values, Text(63).Items(0, 64, "*"));
}

template <typename V>
void Describe(V& v, Member<V, LabelSelector>& x) {
  v.Field("matchLabels", x.match_labels, Text(63).Items(0, 32));
  v.Field("matchExpressions", x.match_expressions, Items(0, 32));
}

}  // namespace kr::crds
