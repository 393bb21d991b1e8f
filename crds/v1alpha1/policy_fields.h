#pragma once

#include <string_view>
#include <utility>

#include "crds/v1alpha1/field_rules.h"
#include "crds/v1alpha1/params_fields.h"
#include "crds/v1alpha1/remediation_policy.h"
#include "crds/v1alpha1/selection_fields.h"
#include "crds/v1alpha1/step_fields.h"
#include "crds/v1alpha1/trigger_fields.h"

// The JSON form of RemediationPolicy. The bounds are those of the CRD: a test compares them.
namespace kr::crds {

template <>
struct EnumNames<Mode> {
  static constexpr std::pair<Mode, std::string_view> kNames[] = {
      {Mode::kEnforce, "Enforce"}, {Mode::kApprove, "Approve"}, {Mode::kObserve, "Observe"}};
};

template <>
struct EnumNames<RemedyMode> {
  static constexpr std::pair<RemedyMode, std::string_view> kNames[] = {
      {RemedyMode::kEnforce, "Enforce"}, {RemedyMode::kApprove, "Approve"}};
};

template <>
inline std::string_view EnumHint<RemedyMode>(std::string_view found) {
  return found == "Observe" ? "only a whole policy is observed (spec.mode)" : "";
}

template <>
struct EnumNames<BreakerState> {
  static constexpr std::pair<BreakerState, std::string_view> kNames[] = {
      {BreakerState::kClosed, "Closed"},
      {BreakerState::kOpen, "Open"},
      {BreakerState::kHalfOpen, "HalfOpen"}};
};

template <typename V>
void Describe(V& v, Member<V, RecordEntry>& x) {
  v.Field("key", x.key, Text(kIdentifier, kMaxName).Required());
  v.Field("expression", x.expression, Expression().Required());
}

template <typename V>
void Describe(V& v, Member<V, Remedy>& x) {
  v.Field("name", x.name, Text(kDnsLabel, kMaxName).Required());
  v.Field("mode", x.mode);
  v.Field("matchConditions", x.match_conditions, Items(0, 16, "name"));
  v.Field("record", x.record, Items(0, 16, "key"));
  v.Field("steps", x.steps, Items(1, 16).Required());
  v.Field("verify", x.verify, Items(0, 16, "name"));
  v.Field("cureWithin", x.cure_within, Between(kShortest, kDay));
  v.Field("attempts", x.attempts, Between(1, 10));
}

template <typename V>
void Describe(V& v, Member<V, Revert>& x) {
  v.Field("when", x.when, Expression());
  v.Field("after", x.after, Between(kNone, absl::Hours(168)));
}

template <typename V>
void Describe(V& v, Member<V, Recovery>& x) {
  v.Field("healthy", x.healthy, Items(0, 16, "name"));
  v.Field("stableFor", x.stable_for, Between(kNone, kDay));
  v.Field("revert", x.revert);
}

template <typename V>
void Describe(V& v, Member<V, RateLimit>& x) {
  v.Field("count", x.count, Between(1, 1000).Required());
  v.Field("within", x.within, Between(kShortest, kDay).Required());
}

template <typename V>
void Describe(V& v, Member<V, Window>& x) {
  v.Field("schedule", x.schedule, Text(128).Required());
  v.Field("duration", x.duration, Between(absl::Minutes(1), kDay).Required());
  v.Field("timeZone", x.time_zone, Text(64));
}

template <typename V>
void Describe(V& v, Member<V, LimitGroup>& x) {
  v.Field("key", x.key, Expression().Required());
  v.Field("maxConcurrent", x.max_concurrent, Rules{.min = 1});
  v.Field("maxUnhealthy", x.max_unhealthy, Rules{.min = 0});
}

template <typename V>
void Describe(V& v, Member<V, Limits>& x) {
  v.Field("maxConcurrent", x.max_concurrent, Rules{.min = 1});
  v.Field("maxUnhealthy", x.max_unhealthy, Rules{.min = 0});
  v.Field("groups", x.groups, Items(0, 4));
  v.Field("cooldown", x.cooldown, Between(kNone, kDay));
  v.Field("rate", x.rate);
  v.Field("windows", x.windows, Items(0, 16));
}

template <typename V>
void Describe(V& v, Member<V, History>& x) {
  v.Field("succeeded", x.succeeded, Between(0, 100));
  v.Field("failed", x.failed, Between(0, 100));
  v.Field("ttl", x.ttl, Between(absl::Minutes(1), absl::Hours(8760)));
}

template <typename V>
void Describe(V& v, Member<V, RemediationPolicySpec>& x) {
  v.Field("description", x.description, Text(1024));
  v.Field("runbook", x.runbook, Text(1024));
  v.Field("mode", x.mode);
  v.Field("paused", x.paused);
  v.Field("priority", x.priority, Between(-100, 100));
  v.Field("params", x.params, Items(0, 32, "name"));
  v.Field("paramRef", x.param_ref);
  v.Field("target", x.target, Rules{.required = true});
  v.Field("related", x.related, Items(0, 16, "name"));
  v.Field("events", x.events, Items(0, 16, "name"));
  v.Field("variables", x.variables, Items(0, 32, "name"));
  v.Field("triggers", x.triggers, Items(0, 16, "name"));
  v.Field("remedies", x.remedies, Items(1, 8, "name").Required());
  v.Field("recovery", x.recovery);
  v.Field("limits", x.limits);
  v.Field("history", x.history);
}

template <typename V>
void Describe(V& v, Member<V, TargetCounts>& x) {
  v.IgnoreUnknown();
  v.Field("selected", x.selected);
  v.Field("unhealthy", x.unhealthy);
  v.Field("remediating", x.remediating);
  v.Field("waiting", x.waiting);
  v.Field("exhausted", x.exhausted);
}

template <typename V>
void Describe(V& v, Member<V, Waiting>& x) {
  v.IgnoreUnknown();
  v.Field("target", x.target, Rules{.required = true});
  v.Field("reason", x.reason, Text(kCamelCase, 128).Required());
  v.Field("message", x.message, Prose(512));
  v.Field("since", x.since, Rules{.required = true});
  v.Field("nextCheck", x.next_check);
}

template <typename V>
void Describe(V& v, Member<V, WaitingReason>& x) {
  v.IgnoreUnknown();
  v.Field("reason", x.reason, Text(kCamelCase, 128).Required());
  v.Field("count", x.count);
}

template <typename V>
void Describe(V& v, Member<V, LastRemediation>& x) {
  v.IgnoreUnknown();
  v.Field("name", x.name, Text(kMaxObjectName).Required());
  v.Field("target", x.target, Rules{.required = true});
  v.Field("phase", x.phase, Text(kCamelCase, kMaxName));
  v.Field("reason", x.reason, Text(kCamelCase, 128));
  v.Field("time", x.time, Rules{.required = true});
}

template <typename V>
void Describe(V& v, Member<V, Breaker>& x) {
  v.IgnoreUnknown();
  v.Field("state", x.state, Rules{.required = true});
  v.Field("since", x.since, Rules{.required = true});
  v.Field("unhealthy", x.unhealthy);
  v.Field("selected", x.selected);
}

template <typename V>
void Describe(V& v, Member<V, GroupBreaker>& x) {
  v.Field("group", x.group);
  v.Field("value", x.value, Text(kMaxObjectName));
  v.Field("state", x.state, Rules{.required = true});
  v.Field("since", x.since, Rules{.required = true});
  v.Field("unhealthy", x.unhealthy);
  v.Field("selected", x.selected);
  v.IgnoreUnknown();
}

template <typename V>
void Describe(V& v, Member<V, RemediationPolicyStatus>& x) {
  v.IgnoreUnknown();
  v.Field("observedGeneration", x.observed_generation);
  v.Field("conditions", x.conditions, Items(0, 16, "type"));
  v.Field("targets", x.targets);
  v.Field("waiting", x.waiting, Items(0, kMaxWaiting).Clamped());
  v.Field("waitingReasons", x.waiting_reasons, Items(0, 32, "reason"));
  v.Field("lastRemediation", x.last_remediation);
  v.Field("breaker", x.breaker);
  v.Field("groupBreakers", x.group_breakers, Items(0, kMaxGroupBreakers).Clamped());
}

template <typename V>
void Describe(V& v, Member<V, RemediationPolicy>& x) {
  v.Field("metadata", x.metadata);
  v.Field("spec", x.spec, Rules{.required = true});
  v.Field("status", x.status);
}

}  // namespace kr::crds
