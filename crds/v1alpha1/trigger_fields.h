#pragma once

#include <string_view>
#include <utility>

#include "crds/v1alpha1/field_rules.h"
#include "crds/v1alpha1/trigger.h"

// The JSON form of a trigger and its signals.
namespace kr::crds {

inline constexpr absl::Duration kLongestFor = absl::Hours(720);

// Spelled as the fields of the elements of `events.<name>` that they compare.
template <>
struct EnumNames<Distinct> {
  static constexpr std::pair<Distinct, std::string_view> kNames[] = {
      {Distinct::kObject, "object"}, {Distinct::kOwner, "owner"}, {Distinct::kNode, "node"}};
};

template <>
struct EnumNames<LeaseState> {
  static constexpr std::pair<LeaseState, std::string_view> kNames[] = {
      {LeaseState::kFresh, "Fresh"}, {LeaseState::kStale, "Stale"}};
};

template <typename V>
void Describe(V& v, Member<V, ConditionSignal>& x) {
  v.Field("type", x.type, Text(kCamelCase, 316).Required());
  v.Field("status", x.status, Items(1, 3).Required());
  v.Field("reason", x.reason, Pattern());
  v.Field("message", x.message, Pattern());
  v.Field("heartbeatWithin", x.heartbeat_within, Between(kShortest, kDay));
}

template <typename V>
void Describe(V& v, Member<V, LeaseSignal>& x) {
  v.Field("namespace", x.name_space, Text(kDnsLabel, kMaxNamespace));
  v.Field("name", x.name, Text(kDnsSubdomain, kMaxObjectName));
  v.Field("state", x.state, Rules{.required = true});
  v.Field("after", x.after, Between(kShortest, kDay));
}

template <typename V>
void Describe(V& v, Member<V, EventsSignal>& x) {
  v.Field("from", x.from, Text(kIdentifier, kMaxName).Required());
  v.Field("count", x.count, Between(1, 1000));
  v.Field("distinct", x.distinct);
}

template <typename V>
void Describe(V&, Member<V, AbsentSignal>&) {}

template <typename V>
void Describe(V& v, Member<V, ChangedSignal>& x) {
  v.Field("expression", x.expression, Expression().Required());
}

template <typename V>
void Describe(V& v, Member<V, IncreaseSignal>& x) {
  v.Field("expression", x.expression, Expression().Required());
  v.Field("by", x.by, Rules{.required = true, .min = 1});
  v.Field("within", x.within, Between(kShortest, kDay).Required());
}

template <typename V>
void Describe(V& v, Member<V, ScheduleSignal>& x) {
  v.Field("cron", x.cron, Text(128).Required());
  v.Field("timeZone", x.time_zone, Text(64));
  v.Field("startingDeadline", x.starting_deadline, Between(absl::Minutes(1), kDay));
}

template <typename V>
void Describe(V& v, Member<V, AlertTargetLabels>& x) {
  v.Field("namespace", x.name_space, Text(kMaxName));
  v.Field("name", x.name, Text(kMaxName).Required());
}

template <typename V>
void Describe(V& v, Member<V, AlertSignal>& x) {
  v.Field("labels", x.labels, Text(256).Items(1, 16).Required());
  v.Field("targetLabels", x.target_labels, Rules{.required = true});
}

template <typename V>
void Describe(V& v, Member<V, Trigger>& x) {
  v.Field("name", x.name, Text(kDnsLabel, kMaxName).Required());
  v.Field("for", x.hold_for, Between(kNone, kLongestFor));
  v.Field("condition", x.condition);
  v.Field("lease", x.lease);
  v.Field("events", x.events);
  v.Field("absent", x.absent);
  v.Field("changed", x.changed);
  v.Field("increase", x.increase);
  v.Field("schedule", x.schedule);
  v.Field("alert", x.alert);
  v.Field("match", x.match, Items(0, 16, "name"));
}

}  // namespace kr::crds
