#pragma once

#include "crds/v1alpha1/field_rules.h"
#include "crds/v1alpha1/trigger.h"

// The JSON form of a trigger and its signals.
namespace kr::crds {

template <typename V>
void Describe(V& v, Member<V, ConditionSignal>& x) {
  v.Field("type", x.type, Text(kCamelCase, 316).Required());
  v.Field("status", x.status, Items(1, 3).Required());
  v.Field("reason", x.reason, Pattern());
  v.Field("message", x.message, Pattern());
}

template <typename V>
void Describe(V& v, Member<V, EventsSignal>& x) {
  v.Field("from", x.from, Text(kIdentifier, kMaxName).Required());
  v.Field("count", x.count, Between(1, 1000));
}

template <typename V>
void Describe(V& v, Member<V, Trigger>& x) {
  v.Field("name", x.name, Text(kDnsLabel, kMaxName).Required());
  v.Field("for", x.hold_for, Between(kNone, kDay));
  v.Field("condition", x.condition);
  v.Field("events", x.events);
  v.Field("match", x.match, Items(0, 16, "name"));
}

}  // namespace kr::crds
