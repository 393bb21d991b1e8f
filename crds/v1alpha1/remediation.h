#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "crds/meta/condition.h"
#include "crds/meta/object_meta.h"
#include "crds/meta/raw_json.h"
#include "crds/v1alpha1/progress.h"
#include "crds/v1alpha1/remediation_policy.h"

// Remediation: the record of what is done about one unhealthy period of one target under one
// policy. Its status is the write-ahead log.
namespace kr::crds {

struct PolicyReference {
  std::string name;
  std::string uid;
  friend bool operator==(const PolicyReference&, const PolicyReference&) = default;
};

enum class Decision { kApprove, kDeny };
std::string_view ToString(Decision decision);

// What a person decided about one remedy, as its plan was shown in status.approvals.
struct Approval {
  std::string remedy;
  std::string plan_hash;
  Decision decision = Decision::kApprove;
  std::string by;  // the person's own user name: the admission policy sees to that
  friend bool operator==(const Approval&, const Approval&) = default;
};

// Made by the controller for an episode, or by a person to run a policy by hand: then without the
// labels of common.h, and `uid`s may be missing until the controller has taken it up.
struct RemediationSpec {
  PolicyReference policy_ref;
  ObjectReference target_ref;
  Mode mode = Mode::kEnforce;  // the stricter of this and the policy's holds
  RawJson params;              // by hand: values instead of the policy's; an object
  std::string requested_by;    // by hand: who
  std::vector<Approval> approvals;
  bool cancel = false;
  bool retry = false;  // on a finished one: its failures and its cooldown are forgotten
  friend bool operator==(const RemediationSpec&, const RemediationSpec&) = default;
};

enum class Phase {
  kPending,           // waits for locks on objects; by hand also: for being admitted
  kAwaitingApproval,  // a person has to say yes to the plan of the next rung; holds no slot
  kRunning,           // a rung's steps
  kVerifying,         // the steps are done, the cure is not proved yet
  kHolding,           // verified, but a trigger or an effect of ours is still outstanding
  kSucceeded,
  kFailed,
  kCancelled,
  kObserved,  // mode Observe: planned, nothing written
  kReported,  // the policy only notifies
};
std::string_view ToString(Phase phase);
// Whether nothing more happens: Succeeded, Failed, Cancelled, Observed, Reported.
bool IsFinal(Phase phase);

struct PhaseTime {
  Phase phase = Phase::kPending;
  absl::Time at;  // when it was last entered
  friend bool operator==(const PhaseTime&, const PhaseTime&) = default;
};

struct StartedBy {
  std::string name;  // of the trigger
  absl::Time since;  // since when it held
  friend bool operator==(const StartedBy&, const StartedBy&) = default;
};

// Why the trigger held. Event evidence stands after a restart for the rest of its window.
struct Evidence {
  // "condition", "events.<name>", "match.<name>", "increase", "absent", "changed", "schedule",
  // "alert"
  std::string source;
  std::optional<ObjectReference> object;
  std::string message;
  std::optional<int64_t> count;  // of events
  std::optional<absl::Time> first_seen;
  std::optional<absl::Time> last_seen;
  friend bool operator==(const Evidence&, const Evidence&) = default;
};

// What still keeps a verified remediation open.
struct Holding {
  absl::Time since;
  std::vector<std::string> triggers;
  bool revert = false;  // cured; our changes are to be taken back (recovery.revert)
  friend bool operator==(const Holding&, const Holding&) = default;
};

// Somebody sets our change back.
struct Contended {
  int64_t count = 0;
  std::string manager;  // the field manager that did it last
  std::optional<ObjectReference> object;
  std::optional<absl::Time> last_at;
  friend bool operator==(const Contended&, const Contended&) = default;
};

enum class ApprovalState { kRequested, kApproved, kDenied };
std::string_view ToString(ApprovalState state);

// That a person was asked about one attempt of one remedy, and what was answered.
struct ApprovalRecord {
  std::string remedy;
  int64_t attempt = 1;
  std::string plan_hash;  // of the plan in status.plan
  ApprovalState state = ApprovalState::kRequested;
  absl::Time requested_at;
  absl::Time expires_at;  // of the request, once approved of the approval
  std::string by;
  std::optional<absl::Time> decided_at;
  friend bool operator==(const ApprovalRecord&, const ApprovalRecord&) = default;
};

// Memory of (policy, lineage) that travels from one Remediation to the next.
struct Ledger {
  int64_t n = 0;         // this is the n-th remediation of the lineage
  int64_t failures = 0;  // in a row
  std::optional<absl::Time> cooldown_until;
  bool exhausted = false;
  friend bool operator==(const Ledger&, const Ledger&) = default;
};

// Who wrote this status: a conflict with our own seq was our own write, a higher leaseTransitions
// means that another instance took over.
struct Journal {
  std::string holder;
  int64_t lease_transitions = 0;
  int64_t seq = 0;
  friend bool operator==(const Journal&, const Journal&) = default;
};

// The parts of the policy that an open remediation keeps to. Stored as JSON text in
// RemediationStatus::snapshot.
struct PolicySnapshot {
  std::vector<Param> params;  // with the values that held then as their defaults
  std::vector<Related> related;
  std::vector<EventSource> events;
  std::vector<Variable> variables;
  std::vector<Trigger> triggers;
  std::vector<Remedy> remedies;
  Recovery recovery;
  friend bool operator==(const PolicySnapshot&, const PolicySnapshot&) = default;
};

struct RemediationStatus {
  int64_t observed_generation = 0;
  std::vector<Condition> conditions;  // Complete, Failed
  std::optional<Phase> phase;         // absent: the controller has not seen it yet
  std::string reason;
  std::string message;
  std::string remedy;  // the current rung, for the printer column
  std::string step;    // the current step: "2/3 waitFor"
  std::optional<absl::Time> detected_at;
  std::optional<absl::Time> started_at;
  std::optional<absl::Time> finished_at;
  std::vector<PhaseTime> phase_times;  // one per phase
  bool manual = false;                 // a person made it
  std::optional<StartedBy> trigger;
  std::vector<Evidence> evidence;
  RawJson record;  // an object: what remedies[].record gave, by key
  std::vector<PlannedStep> plan;
  std::vector<ApprovalRecord> approvals;
  std::vector<RemedyProgress> remedies;
  std::vector<StepProgress> steps;
  std::optional<Intent> intent;
  std::vector<PreImage> pre_images;
  // Objects that nobody else's remediation may write, besides the target: those of the plan.
  std::vector<ObjectReference> locks;
  std::optional<Holding> holding;
  std::optional<Contended> contended;
  std::optional<Ledger> ledger;
  std::optional<Journal> journal;
  std::string lineage;  // hex of SHA-256
  int64_t policy_generation = 0;
  std::string snapshot;  // PolicySnapshot as JSON text
  friend bool operator==(const RemediationStatus&, const RemediationStatus&) = default;
};
inline constexpr size_t kMaxLocks = 200;
// Status is checked against this before the first write (PlanTooLarge).
inline constexpr size_t kMaxStatusBytes = 256 * 1024;

struct Remediation {
  ObjectMeta metadata;
  RemediationSpec spec;
  RemediationStatus status;

  // Made by a person, and taken up by the controller.
  bool IsManual() const {
    return status.manual || metadata.labels.contains(std::string(kManualLabel));
  }
  friend bool operator==(const Remediation&, const Remediation&) = default;
};

}  // namespace kr::crds
