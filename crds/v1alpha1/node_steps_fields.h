#pragma once

#include <string_view>
#include <utility>

#include "crds/v1alpha1/field_rules.h"
#include "crds/v1alpha1/node_steps.h"

// The JSON form of the parameters of actions on Nodes.
namespace kr::crds {

inline constexpr int64_t kMaxGraceSeconds = 86400;

template <>
struct EnumNames<TaintEffect> {
  static constexpr std::pair<TaintEffect, std::string_view> kNames[] = {
      {TaintEffect::kNoSchedule, "NoSchedule"},
      {TaintEffect::kPreferNoSchedule, "PreferNoSchedule"},
      {TaintEffect::kNoExecute, "NoExecute"}};
};

template <>
struct EnumNames<DrainStatefulSets> {
  static constexpr std::pair<DrainStatefulSets, std::string_view> kNames[] = {
      {DrainStatefulSets::kEvict, "Evict"},
      {DrainStatefulSets::kSkip, "Skip"},
      {DrainStatefulSets::kBlock, "Block"}};
};

template <>
struct EnumNames<DrainEmptyDir> {
  static constexpr std::pair<DrainEmptyDir, std::string_view> kNames[] = {
      {DrainEmptyDir::kBlock, "Block"}, {DrainEmptyDir::kDelete, "Delete"}};
};

template <>
struct EnumNames<DrainUnmanaged> {
  static constexpr std::pair<DrainUnmanaged, std::string_view> kNames[] = {
      {DrainUnmanaged::kBlock, "Block"},
      {DrainUnmanaged::kEvict, "Evict"},
      {DrainUnmanaged::kSkip, "Skip"}};
};

template <>
struct EnumNames<DrainImmovable> {
  static constexpr std::pair<DrainImmovable, std::string_view> kNames[] = {
      {DrainImmovable::kBlock, "Block"},
      {DrainImmovable::kEvictAnyway, "EvictAnyway"},
      {DrainImmovable::kSkip, "Skip"}};
};

template <>
struct EnumNames<DrainOptOut> {
  static constexpr std::pair<DrainOptOut, std::string_view> kNames[] = {
      {DrainOptOut::kRespect, "Respect"}, {DrainOptOut::kIgnore, "Ignore"}};
};

template <>
struct EnumNames<DrainHeadroom> {
  static constexpr std::pair<DrainHeadroom, std::string_view> kNames[] = {
      {DrainHeadroom::kCheck, "Check"}, {DrainHeadroom::kIgnore, "Ignore"}};
};

template <>
struct EnumNames<DrainOnTimeout> {
  static constexpr std::pair<DrainOnTimeout, std::string_view> kNames[] = {
      {DrainOnTimeout::kKeepCordoned, "KeepCordoned"},
      {DrainOnTimeout::kAbort, "Abort"},
      {DrainOnTimeout::kDeletePods, "DeletePods"}};
};

template <>
struct EnumNames<CommandPath> {
  static constexpr std::pair<CommandPath, std::string_view> kNames[] = {
      {CommandPath::kAuto, "Auto"}, {CommandPath::kJob, "Job"}, {CommandPath::kAgent, "Agent"}};
};

template <typename V>
void Describe(V& v, Member<V, ActionParameter>& x) {
  v.Field("name", x.name, Text(kIdentifier, kMaxName).Required());
  v.Field("value", x.value, Text(4096));
  v.Field("expression", x.expression, Expression());
}

template <typename V>
void Describe(V&, Member<V, Cordon>&) {}

template <typename V>
void Describe(V&, Member<V, Uncordon>&) {}

template <typename V>
void Describe(V& v, Member<V, Taint>& x) {
  v.Field("key", x.key, Text(kQualifiedName, 317).Required());
  v.Field("value", x.value, Text(kMaxName));
  v.Field("effect", x.effect);
}

template <typename V>
void Describe(V& v, Member<V, Untaint>& x) {
  v.Field("key", x.key, Text(kQualifiedName, 317).Required());
  v.Field("effect", x.effect);
}

template <typename V>
void Describe(V& v, Member<V, Drain>& x) {
  v.Field("statefulSets", x.stateful_sets);
  v.Field("emptyDir", x.empty_dir);
  v.Field("unmanaged", x.unmanaged);
  v.Field("immovable", x.immovable);
  v.Field("doNotDisrupt", x.do_not_disrupt);
  v.Field("headroom", x.headroom);
  v.Field("leaderWhen", x.leader_when, Expression());
  v.Field("readyWhen", x.ready_when, Expression());
  v.Field("maxUnavailable", x.max_unavailable, Rules{.min = 1});
  v.Field("gracePeriodSeconds", x.grace_period_seconds, Between(1, kMaxGraceSeconds));
  v.Field("timeout", x.timeout, Between(kShortest, kDay));
  v.Field("onTimeout", x.on_timeout);
}

template <typename V>
void Describe(V& v, Member<V, DeleteNode>& x) {
  v.Field("timeout", x.timeout, Between(kShortest, kDay));
}

template <typename V>
void Describe(V& v, Member<V, RunNodeCommand>& x) {
  v.Field("name", x.name, Text(kDnsLabel, kMaxName).Required());
  v.Field("parameters", x.parameters, Items(0, 32, "name"));
  v.Field("via", x.via);
  v.Field("timeout", x.timeout, Between(kShortest, kDay));
  v.Field("startDeadline", x.start_deadline, Between(kShortest, absl::Hours(1)));
}

}  // namespace kr::crds
