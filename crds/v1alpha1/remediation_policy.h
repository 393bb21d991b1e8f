#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "crds/meta/condition.h"
#include "crds/meta/int_or_percent.h"
#include "crds/meta/object_meta.h"
#include "crds/v1alpha1/common.h"
#include "crds/v1alpha1/params.h"
#include "crds/v1alpha1/selection.h"
#include "crds/v1alpha1/step.h"
#include "crds/v1alpha1/trigger.h"

// RemediationPolicy: what somebody does by hand about a known incident, written down once. The
// meaning of each field is documented in docs/api.md.
namespace kr::crds {

// Whether a rung begins by itself. The stricter of this and the policy's mode holds.
enum class RemedyMode { kEnforce, kApprove };
std::string_view ToString(RemedyMode mode);

// Evidence that is kept in the Remediation; expressions read it as `remediation.record.<key>`.
struct RecordEntry {
  std::string key;
  std::string expression;  // CEL
  friend bool operator==(const RecordEntry&, const RecordEntry&) = default;
};

// One rung of the escalation ladder.
struct Remedy {
  std::string name;
  RemedyMode mode = RemedyMode::kEnforce;
  std::vector<NamedExpression> match_conditions;  // one false = the rung is skipped
  std::vector<Step> steps;
  std::vector<RecordEntry> record;      // evaluated before the first step
  std::vector<NamedExpression> verify;  // empty = cured: no trigger holds and the target is healthy
  absl::Duration cure_within = absl::Minutes(10);
  int64_t attempts = 1;
  friend bool operator==(const Remedy&, const Remedy&) = default;
};

// When changes are taken back after the cure: `after` it, and not before `when` is true.
struct Revert {
  std::string when;  // CEL; "" = true
  absl::Duration after = absl::ZeroDuration();
  friend bool operator==(const Revert&, const Revert&) = default;
};

struct Recovery {
  std::vector<NamedExpression> healthy;  // empty = the default of the target's kind
  absl::Duration stable_for = absl::Minutes(2);
  std::optional<Revert> revert;  // absent: changes stay
  friend bool operator==(const Recovery&, const Recovery&) = default;
};

// At most `count` Remediations begin within any span of `within`.
struct RateLimit {
  int64_t count = 1;
  absl::Duration within = absl::Hours(1);
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

// Opens at each time of `schedule` (five fields, as in CronJob) for `duration`.
struct Window {
  std::string schedule;
  absl::Duration duration;
  std::string time_zone = "UTC";  // IANA name
  friend bool operator==(const Window&, const Window&) = default;
};

// The targets that share a value of `key` (CEL over `target` and `object`): a zone, a rack, an
// owner. Each such group has limits of its own. A target without a value belongs to no group.
struct LimitGroup {
  std::string key;
  std::optional<IntOrPercent> max_concurrent;  // at least one of the two is given
  std::optional<IntOrPercent> max_unhealthy;
  friend bool operator==(const LimitGroup&, const LimitGroup&) = default;
};

struct Limits {
  IntOrPercent max_concurrent = IntOrPercent::Count(1);
  IntOrPercent max_unhealthy = IntOrPercent::Percent(20);
  std::vector<LimitGroup> groups;
  absl::Duration cooldown = absl::Minutes(10);
  std::optional<RateLimit> rate;
  std::vector<Window> windows;  // remediations begin only in one of them; empty = always
  friend bool operator==(const Limits&, const Limits&) = default;
};

struct History {
  int64_t succeeded = 5;
  int64_t failed = 10;
  absl::Duration ttl = absl::Hours(168);
  friend bool operator==(const History&, const History&) = default;
};

struct RemediationPolicySpec {
  std::string description;
  std::string runbook;
  Mode mode = Mode::kEnforce;
  bool paused = false;
  int64_t priority = 0;  // who gets scarce budget first
  std::vector<Param> params;
  std::optional<ParamRef> param_ref;
  Target target;
  std::vector<Related> related;
  std::vector<EventSource> events;
  std::vector<Variable> variables;
  std::vector<Trigger> triggers;  // any of them; empty = only by hand
  std::vector<Remedy> remedies;
  Recovery recovery;
  Limits limits;
  History history;
  friend bool operator==(const RemediationPolicySpec&, const RemediationPolicySpec&) = default;
};

struct TargetCounts {
  int64_t selected = 0;
  int64_t unhealthy = 0;
  int64_t remediating = 0;
  int64_t waiting = 0;
  int64_t exhausted = 0;
  friend bool operator==(const TargetCounts&, const TargetCounts&) = default;
};

// A sick target that is not acted upon, and why (a reason of reasons.h).
struct Waiting {
  ObjectReference target;
  std::string reason;
  std::string message;
  absl::Time since;
  std::optional<absl::Time> next_check;
  friend bool operator==(const Waiting&, const Waiting&) = default;
};
inline constexpr size_t kMaxWaiting = 50;

// How many targets wait for one reason, those included that `waiting` has no room for.
struct WaitingReason {
  std::string reason;
  int64_t count = 0;
  friend bool operator==(const WaitingReason&, const WaitingReason&) = default;
};

struct LastRemediation {
  std::string name;
  ObjectReference target;
  std::string phase;
  std::string reason;
  absl::Time time;  // when it was made, or finished once it is
  friend bool operator==(const LastRemediation&, const LastRemediation&) = default;
};

enum class BreakerState { kClosed, kOpen, kHalfOpen };
std::string_view ToString(BreakerState state);

// The breaker outlives restarts of the controller here.
struct Breaker {
  BreakerState state = BreakerState::kClosed;
  absl::Time since;
  int64_t unhealthy = 0;  // the numbers when the state was last judged
  int64_t selected = 0;
  friend bool operator==(const Breaker&, const Breaker&) = default;
};

// The breaker of one group (limits.groups[].maxUnhealthy).
struct GroupBreaker : Breaker {
  int64_t group = 0;  // index in limits.groups
  std::string value;  // of its key
  friend bool operator==(const GroupBreaker&, const GroupBreaker&) = default;
};
inline constexpr size_t kMaxGroupBreakers = 50;

struct RemediationPolicyStatus {
  int64_t observed_generation = 0;
  std::vector<Condition> conditions;  // types of reasons.h
  TargetCounts targets;
  std::vector<Waiting> waiting;  // at most kMaxWaiting
  std::vector<WaitingReason> waiting_reasons;
  std::optional<LastRemediation> last_remediation;
  std::optional<Breaker> breaker;
  std::vector<GroupBreaker> group_breakers;  // at most kMaxGroupBreakers, none that is closed
  friend bool operator==(const RemediationPolicyStatus&, const RemediationPolicyStatus&) = default;
};

struct RemediationPolicy {
  ObjectMeta metadata;
  RemediationPolicySpec spec;
  RemediationPolicyStatus status;
  friend bool operator==(const RemediationPolicy&, const RemediationPolicy&) = default;
};

}  // namespace kr::crds
