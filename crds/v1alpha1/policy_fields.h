#pragma once

#include <string_view>
#include <utility>
#include <variant>

#include "crds/meta/fields.h"
#include "crds/meta/meta_fields.h"
#include "crds/meta/rules.h"
#include "crds/v1alpha1/remediation_policy.h"

// The JSON form of RemediationPolicy. The bounds are those of the CRD: a test compares them.
namespace kr::crds {

inline constexpr size_t kMaxName = 63;
inline constexpr size_t kMaxExpression = 4096;
inline constexpr size_t kMaxPattern = 1024;
inline constexpr size_t kMaxPatchBytes = 64 * 1024;
inline constexpr absl::Duration kNone = absl::ZeroDuration();
inline constexpr absl::Duration kShortest = absl::Seconds(1);
inline constexpr absl::Duration kDay = absl::Hours(24);

template <>
struct EnumNames<Mode> {
  static constexpr std::pair<Mode, std::string_view> kNames[] = {{Mode::kEnforce, "Enforce"},
                                                                 {Mode::kObserve, "Observe"}};
};

template <>
inline std::string_view EnumHint<Mode>(std::string_view found) {
  return found == "Approve" ? "approvals are not supported by this version, Observe shows the plan "
                              "without acting"
                            : "";
}

template <>
struct EnumNames<RelatedPreset> {
  static constexpr std::pair<RelatedPreset, std::string_view> kNames[] = {
      {RelatedPreset::kOwnedPods, "OwnedPods"}};
};

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

template <>
struct EnumNames<BreakerState> {
  static constexpr std::pair<BreakerState, std::string_view> kNames[] = {
      {BreakerState::kClosed, "Closed"},
      {BreakerState::kOpen, "Open"},
      {BreakerState::kHalfOpen, "HalfOpen"}};
};

inline Rules Expression() {
  return Text(kMaxExpression);
}
inline Rules Pattern() {
  return Text(kMaxPattern);
}

template <typename V>
void Describe(V& v, Member<V, NamedExpression>& x) {
  v.Field("name", x.name, Text(kDnsLabel, kMaxName).Required());
  v.Field("expression", x.expression, Expression().Required());
}

template <typename V>
void Describe(V& v, Member<V, Variable>& x) {
  v.Field("name", x.name, Text(kIdentifier, kMaxName).Required());
  v.Field("expression", x.expression, Expression().Required());
}

template <typename V>
void Describe(V& v, Member<V, Target>& x) {
  v.Field("apiVersion", x.api_version, Text(kGroupVersion, kMaxObjectName).Required());
  v.Field("kind", x.kind, Text(kKindName, kMaxName).Required());
  v.Field("names", x.names, Text(kMaxObjectName).NotEmpty().Items(0, 100, "*"));
  v.Field("namespaces", x.namespaces, Text(kDnsLabel, kMaxNamespace).Items(0, 100, "*"));
  v.Field("selector", x.selector);
  v.Field("excludeSelector", x.exclude_selector);
  v.Field("all", x.all);
}

template <typename V>
void Describe(V& v, Member<V, RelatedQuery>& x) {
  v.Field("apiVersion", x.api_version, Text(kGroupVersion, kMaxObjectName));
  v.Field("kind", x.kind, Text(kKindName, kMaxName));
  v.Field("sameNamespace", x.same_namespace);
  v.Field("namespace", x.name_space, Text(kDnsLabel, kMaxNamespace));
  v.Field("names", x.names, Text(kMaxObjectName).NotEmpty().Items(0, 100, "*"));
  v.Field("selector", x.selector);
  v.Field("where", x.where, Expression());
  v.Field("key", x.key, Expression());
  v.Field("equals", x.equals, Expression());
}

template <typename V>
void Describe(V& v, Member<V, Related>& x) {
  v.Field("name", x.name, Text(kIdentifier, kMaxName).Required());
  v.template Alternative<RelatedPreset>("preset", x.from);
  v.template InlineAlternative<RelatedQuery>(x.from);
  v.Field("max", x.max, Between(1, 10000));
  v.ExactlyOne("a preset, or the apiVersion and kind of the objects to join");
}

template <typename V>
void Describe(V&, Member<V, AboutTarget>&) {}

template <typename V>
void Describe(V& v, Member<V, AboutRelated>& x) {
  v.Field("related", x.related, Text(kIdentifier, kMaxName));
}

template <typename V>
void Describe(V& v, Member<V, AboutKind>& x) {
  v.Field("apiVersion", x.api_version, Text(kGroupVersion, kMaxObjectName));
  v.Field("kind", x.kind, Text(kKindName, kMaxName));
}

template <typename V>
void Describe(V& v, Member<V, EventSource>& x) {
  v.Field("name", x.name, Text(kIdentifier, kMaxName).Required());
  v.Object("about", x.about, Rules{}, [](auto& below, auto& about) {
    below.template InlineAlternative<AboutRelated>(about);
    below.template InlineAlternative<AboutKind>(about);
  });
  v.Field("type", x.type, Text(kEventType, 16));
  v.Field("reason", x.reason, Pattern());
  v.Field("message", x.message, Pattern());
  v.Field("within", x.within, Between(kShortest, kDay));
}

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

template <typename V>
void Describe(V& v, Member<V, Remedy>& x) {
  v.Field("name", x.name, Text(kDnsLabel, kMaxName).Required());
  v.Field("matchConditions", x.match_conditions, Items(0, 16, "name"));
  v.Field("steps", x.steps, Items(1, 16).Required());
  v.Field("verify", x.verify, Items(0, 16, "name"));
  v.Field("cureWithin", x.cure_within, Between(kShortest, kDay));
  v.Field("attempts", x.attempts, Between(1, 10));
}

template <typename V>
void Describe(V& v, Member<V, Recovery>& x) {
  v.Field("healthy", x.healthy, Items(0, 16, "name"));
  v.Field("stableFor", x.stable_for, Between(kNone, kDay));
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
void Describe(V& v, Member<V, Limits>& x) {
  v.Field("maxConcurrent", x.max_concurrent, Rules{.min = 1});
  v.Field("maxUnhealthy", x.max_unhealthy, Rules{.min = 0});
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
void Describe(V& v, Member<V, RemediationPolicyStatus>& x) {
  v.IgnoreUnknown();
  v.Field("observedGeneration", x.observed_generation);
  v.Field("conditions", x.conditions, Items(0, 16, "type"));
  v.Field("targets", x.targets);
  v.Field("waiting", x.waiting, Items(0, kMaxWaiting).Clamped());
  v.Field("lastRemediation", x.last_remediation);
  v.Field("breaker", x.breaker);
}

template <typename V>
void Describe(V& v, Member<V, RemediationPolicy>& x) {
  v.Field("metadata", x.metadata);
  v.Field("spec", x.spec, Rules{.required = true});
  v.Field("status", x.status);
}

}  // namespace kr::crds
