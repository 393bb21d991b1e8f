#pragma once

#include <string_view>
#include <utility>

#include "crds/v1alpha1/policy_fields.h"
#include "crds/v1alpha1/remediation.h"

// The JSON form of Remediation. Its status is read strictly: an unknown field in a write-ahead log
// means that a newer version wrote it, and acting on half of it would be a guess.
namespace kr::crds {

inline constexpr size_t kMaxBodyLength = 128 * 1024;
inline constexpr size_t kMaxUserName = 512;
inline constexpr int64_t kMaxAttempts = 10;
inline constexpr size_t kMaxRecordBytes = 32 * 1024;
inline constexpr size_t kMaxRecordedSteps = 1024;
inline constexpr size_t kMaxWrites = 512;  // of one step: a drain writes to every pod of a node
inline constexpr size_t kMaxBatch = 100;

template <>
struct EnumNames<Phase> {
  static constexpr std::pair<Phase, std::string_view> kNames[] = {
      {Phase::kPending, "Pending"},   {Phase::kAwaitingApproval, "AwaitingApproval"},
      {Phase::kRunning, "Running"},   {Phase::kVerifying, "Verifying"},
      {Phase::kHolding, "Holding"},   {Phase::kSucceeded, "Succeeded"},
      {Phase::kFailed, "Failed"},     {Phase::kCancelled, "Cancelled"},
      {Phase::kObserved, "Observed"}, {Phase::kReported, "Reported"}};
};

template <>
struct EnumNames<Decision> {
  static constexpr std::pair<Decision, std::string_view> kNames[] = {
      {Decision::kApprove, "Approve"}, {Decision::kDeny, "Deny"}};
};

template <>
struct EnumNames<ApprovalState> {
  static constexpr std::pair<ApprovalState, std::string_view> kNames[] = {
      {ApprovalState::kRequested, "Requested"},
      {ApprovalState::kApproved, "Approved"},
      {ApprovalState::kDenied, "Denied"}};
};

template <>
struct EnumNames<Verb> {
  static constexpr std::pair<Verb, std::string_view> kNames[] = {
      {Verb::kCreate, "Create"}, {Verb::kPatch, "Patch"}, {Verb::kUpdate, "Update"},
      {Verb::kDelete, "Delete"}, {Verb::kEvict, "Evict"}, {Verb::kCall, "Call"}};
};

template <>
struct EnumNames<WriteOutcome> {
  static constexpr std::pair<WriteOutcome, std::string_view> kNames[] = {
      {WriteOutcome::kUnknown, "Unknown"},     {WriteOutcome::kApplied, "Applied"},
      {WriteOutcome::kUnchanged, "Unchanged"}, {WriteOutcome::kConflict, "Conflict"},
      {WriteOutcome::kRejected, "Rejected"},   {WriteOutcome::kValidated, "Validated"}};
};

template <>
struct EnumNames<StepState> {
  static constexpr std::pair<StepState, std::string_view> kNames[] = {
      {StepState::kPending, "Pending"},     {StepState::kRunning, "Running"},
      {StepState::kSucceeded, "Succeeded"}, {StepState::kFailed, "Failed"},
      {StepState::kSkipped, "Skipped"},     {StepState::kRolledBack, "RolledBack"}};
};

template <>
struct EnumNames<RemedyState> {
  static constexpr std::pair<RemedyState, std::string_view> kNames[] = {
      {RemedyState::kPending, "Pending"},     {RemedyState::kRunning, "Running"},
      {RemedyState::kVerifying, "Verifying"}, {RemedyState::kVerified, "Verified"},
      {RemedyState::kFailed, "Failed"},       {RemedyState::kSkipped, "Skipped"}};
};

template <typename V>
void Describe(V& v, Member<V, PolicyReference>& x) {
  v.Field("name", x.name, Text(kMaxObjectName).Required());
  v.Field("uid", x.uid, Text(kMaxUid));
}

template <typename V>
void Describe(V& v, Member<V, Approval>& x) {
  v.Field("remedy", x.remedy, Text(kDnsLabel, kMaxName).Required());
  v.Field("planHash", x.plan_hash, Text(kHexDigest, 64).Required());
  v.Field("decision", x.decision, Rules{.required = true});
  v.Field("by", x.by, Text(kMaxUserName).Required());
}

template <typename V>
void Describe(V& v, Member<V, RemediationSpec>& x) {
  v.Field("policyRef", x.policy_ref, Rules{.required = true});
  v.Field("targetRef", x.target_ref, Rules{.required = true});
  v.Field("mode", x.mode);
  v.Field("params", x.params);
  v.Field("requestedBy", x.requested_by, Text(kMaxUserName));
  v.Field("approvals", x.approvals, Items(0, 8, "remedy"));
  v.Field("cancel", x.cancel);
  v.Field("retry", x.retry);
}

template <typename V>
void Describe(V& v, Member<V, StepId>& x) {
  v.Field("remedy", x.remedy, Text(kDnsLabel, kMaxName).Required());
  v.Field("attempt", x.attempt, Between(1, 10).Required());
  v.Field("step", x.step, Between(0, 15).Required());
  v.Field("item", x.item, Between(1, kMaxApplyTo));
}

template <typename V>
void Describe(V& v, Member<V, WriteRecord>& x) {
  v.Field("verb", x.verb, Rules{.required = true});
  v.Field("object", x.object, Rules{.required = true});
  v.Field("resourceVersionBefore", x.resource_version_before, Text(64));
  v.Field("resourceVersionAfter", x.resource_version_after, Text(64));
  v.Field("outcome", x.outcome, Rules{.required = true});
  v.Field("intentAt", x.intent_at, Rules{.required = true});
  v.Field("message", x.message, Prose(1024));
}

template <typename V>
void Describe(V& v, Member<V, Intent>& x) {
  Describe(v, x.step);
  v.Field("verb", x.verb, Rules{.required = true});
  v.Field("object", x.object, Rules{.required = true});
  v.Field("others", x.others, Items(0, kMaxBatch));
  v.Field("resourceVersion", x.resource_version, Text(64));
  v.Field("contentType", x.content_type, Text(128));
  v.Field("body", x.body, Text(kMaxBodyLength));
  v.Field("bodyDigest", x.body_digest, Text(kHexDigest, 64));
  v.Field("rollback", x.rollback);
  v.Field("at", x.at, Rules{.required = true});
}

template <typename V>
void Describe(V& v, Member<V, StepProgress>& x) {
  Describe(v, x.id);
  v.Field("action", x.action, Text(kMaxName).Required());
  v.Field("object", x.object);
  v.Field("state", x.state, Rules{.required = true});
  v.Field("startedAt", x.started_at);
  v.Field("actedAt", x.acted_at);
  v.Field("finishedAt", x.finished_at);
  v.Field("message", x.message, Prose(1024));
  v.Field("memo", x.memo);
  v.Field("writes", x.writes, Items(0, kMaxWrites));
}

template <typename V>
void Describe(V& v, Member<V, RemedyProgress>& x) {
  v.Field("name", x.name, Text(kDnsLabel, kMaxName).Required());
  v.Field("state", x.state, Rules{.required = true});
  v.Field("attempt", x.attempt, Between(0, 10));
  v.Field("startedAt", x.started_at);
  v.Field("stepsDoneAt", x.steps_done_at);
  v.Field("healthySince", x.healthy_since);
  v.Field("finishedAt", x.finished_at);
  v.Field("reason", x.reason, Text(kCamelCase, 128));
  v.Field("message", x.message, Prose(1024));
}

template <typename V>
void Describe(V& v, Member<V, PreImage>& x) {
  Describe(v, x.step);
  v.Field("object", x.object, Rules{.required = true});
  v.Field("fields", x.fields, Rules{.required = true});
  v.Field("patchType", x.patch_type, Text(128).Required());
}

template <typename V>
void Describe(V& v, Member<V, PlannedStep>& x) {
  Describe(v, x.id);
  v.Field("action", x.action, Text(kMaxName).Required());
  v.Field("object", x.object);
  v.Field("text", x.text, Prose(1024));
  v.Field("body", x.body, Text(kMaxBodyLength));
  v.Field("validation", x.validation);
  v.Field("message", x.message, Prose(1024));
}

template <typename V>
void Describe(V& v, Member<V, PhaseTime>& x) {
  v.Field("phase", x.phase, Rules{.required = true});
  v.Field("at", x.at, Rules{.required = true});
}

template <typename V>
void Describe(V& v, Member<V, StartedBy>& x) {
  v.Field("name", x.name, Text(kDnsLabel, kMaxName).Required());
  v.Field("since", x.since, Rules{.required = true});
}

template <typename V>
void Describe(V& v, Member<V, Evidence>& x) {
  v.Field("source", x.source, Text(160).Required());
  v.Field("object", x.object);
  v.Field("message", x.message, Prose(1024));
  v.Field("count", x.count);
  v.Field("firstSeen", x.first_seen);
  v.Field("lastSeen", x.last_seen);
}

template <typename V>
void Describe(V& v, Member<V, Holding>& x) {
  v.Field("since", x.since, Rules{.required = true});
  v.Field("triggers", x.triggers, Text(kDnsLabel, kMaxName).Items(0, 16, "*"));
  v.Field("revert", x.revert);
}

template <typename V>
void Describe(V& v, Member<V, Contended>& x) {
  v.Field("count", x.count);
  v.Field("manager", x.manager, Text(128));
  v.Field("object", x.object);
  v.Field("lastAt", x.last_at);
}

template <typename V>
void Describe(V& v, Member<V, ApprovalRecord>& x) {
  v.Field("remedy", x.remedy, Text(kDnsLabel, kMaxName).Required());
  v.Field("attempt", x.attempt, Between(1, kMaxAttempts).Required());
  v.Field("planHash", x.plan_hash, Text(kHexDigest, 64).Required());
  v.Field("state", x.state, Rules{.required = true});
  v.Field("requestedAt", x.requested_at, Rules{.required = true});
  v.Field("expiresAt", x.expires_at, Rules{.required = true});
  v.Field("by", x.by, Text(kMaxUserName));
  v.Field("decidedAt", x.decided_at);
}

template <typename V>
void Describe(V& v, Member<V, Ledger>& x) {
  v.Field("n", x.n);
  v.Field("failures", x.failures);
  v.Field("cooldownUntil", x.cooldown_until);
  v.Field("exhausted", x.exhausted);
}

template <typename V>
void Describe(V& v, Member<V, Journal>& x) {
  v.Field("holder", x.holder, Text(kMaxObjectName).Required());
  v.Field("leaseTransitions", x.lease_transitions);
  v.Field("seq", x.seq);
}

template <typename V>
void Describe(V& v, Member<V, PolicySnapshot>& x) {
  v.Field("params", x.params);
  v.Field("related", x.related);
  v.Field("events", x.events);
  v.Field("variables", x.variables);
  v.Field("triggers", x.triggers);
  v.Field("remedies", x.remedies);
  v.Field("recovery", x.recovery);
}

template <typename V>
void Describe(V& v, Member<V, RemediationStatus>& x) {
  v.Field("observedGeneration", x.observed_generation);
  v.Field("conditions", x.conditions, Items(0, 16, "type"));
  v.Field("phase", x.phase);
  v.Field("reason", x.reason, Text(kCamelCase, 128));
  v.Field("message", x.message, Prose(kMaxMessage));
  v.Field("remedy", x.remedy, Text(kDnsLabel, kMaxName));
  v.Field("step", x.step, Text(128));
  v.Field("detectedAt", x.detected_at);
  v.Field("startedAt", x.started_at);
  v.Field("finishedAt", x.finished_at);
  v.Field("phaseTimes", x.phase_times, Items(0, 16, "phase"));
  v.Field("manual", x.manual);
  v.Field("trigger", x.trigger);
  v.Field("evidence", x.evidence, Items(0, 32).Clamped());
  v.Field("record", x.record, Text(kMaxRecordBytes));
  v.Field("plan", x.plan, Items(0, kMaxRecordedSteps));
  v.Field("approvals", x.approvals, Items(0, 80));
  v.Field("remedies", x.remedies, Items(0, 8, "name"));
  v.Field("steps", x.steps, Items(0, kMaxRecordedSteps));
  v.Field("intent", x.intent);
  v.Field("preImages", x.pre_images, Items(0, kMaxRecordedSteps));
  v.Field("locks", x.locks, Items(0, kMaxLocks));
  v.Field("holding", x.holding);
  v.Field("contended", x.contended);
  v.Field("ledger", x.ledger);
  v.Field("journal", x.journal);
  v.Field("lineage", x.lineage, Text(kHexDigest, 64));
  v.Field("policyGeneration", x.policy_generation);
  v.Field("snapshot", x.snapshot, Text(kMaxBodyLength));
}

template <typename V>
void Describe(V& v, Member<V, Remediation>& x) {
  v.Field("metadata", x.metadata);
  v.Field("spec", x.spec, Rules{.required = true});
  v.Field("status", x.status);
}

}  // namespace kr::crds
