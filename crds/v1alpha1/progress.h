#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "crds/meta/object_meta.h"
#include "crds/meta/raw_json.h"

// What a Remediation writes down about its own work: the write-ahead log and its outcome.
namespace kr::crds {

// kCall: of a webhook, on behalf of the object.
enum class Verb { kCreate, kPatch, kUpdate, kDelete, kEvict, kCall };
std::string_view ToString(Verb verb);

// What became of a write. Unknown: the answer was lost, the object has to be read.
enum class WriteOutcome {
  kUnknown,
  kApplied,
  kUnchanged,  // it was already so, or the server changed nothing
  kConflict,   // somebody else was faster; nothing was changed
  kRejected,
  kValidated,  // dry-run only
};
std::string_view ToString(WriteOutcome outcome);

// Which step something belongs to: the remedy's name, the attempt from 1, the step's index from 0,
// and with applyTo the object's number from 1.
struct StepId {
  std::string remedy;
  int64_t attempt = 1;
  int64_t step = 0;
  int64_t item = 0;  // 0: the step works on the target, or its objects are not chosen yet
  friend bool operator==(const StepId&, const StepId&) = default;
};

// One write that was sent.
struct WriteRecord {
  Verb verb = Verb::kPatch;
  ObjectReference object;
  std::string resource_version_before;
  std::string resource_version_after;  // "" unless applied
  WriteOutcome outcome = WriteOutcome::kUnknown;
  absl::Time intent_at;
  std::string message;  // of the server when it refused
  friend bool operator==(const WriteRecord&, const WriteRecord&) = default;
};

// The one write that may have been sent and whose outcome is not recorded yet, or several of them
// that go out at once because none depends on another (evictions of replicated pods). It is
// persisted before the first request leaves, together with the memo of its step.
struct Intent {
  StepId step;
  Verb verb = Verb::kPatch;
  ObjectReference object;               // with the uid that must still be there
  std::vector<ObjectReference> others;  // of writes of the same kind at the same time
  std::string resource_version;         // precondition; "" = none
  std::string content_type;             // of the body
  std::string body;                     // as it is sent
  std::string body_digest;              // SHA-256, hex
  bool rollback = false;                // this write takes an earlier one back
  absl::Time at;
  friend bool operator==(const Intent&, const Intent&) = default;
};

enum class StepState { kPending, kRunning, kSucceeded, kFailed, kSkipped, kRolledBack };
std::string_view ToString(StepState state);

// A step on one object: a step with applyTo has one of these for each of its objects.
struct StepProgress {
  StepId id;
  std::string action;                     // "setEnv"
  std::optional<ObjectReference> object;  // absent: the target, or not chosen yet
  StepState state = StepState::kPending;
  std::optional<absl::Time> started_at;
  std::optional<absl::Time> acted_at;  // the action is done, applyTo.waitFor runs since then
  std::optional<absl::Time> finished_at;
  std::string message;
  RawJson memo;  // the action's own state; an object
  std::vector<WriteRecord> writes;
  friend bool operator==(const StepProgress&, const StepProgress&) = default;
};

enum class RemedyState { kPending, kRunning, kVerifying, kVerified, kFailed, kSkipped };
std::string_view ToString(RemedyState state);

struct RemedyProgress {
  std::string name;
  RemedyState state = RemedyState::kPending;
  int64_t attempt = 0;  // the running or last one, 0 = not started
  std::optional<absl::Time> started_at;
  std::optional<absl::Time> steps_done_at;  // cureWithin starts here
  std::optional<absl::Time> healthy_since;  // seen verified without a break since then
  std::optional<absl::Time> finished_at;
  std::string reason;
  std::string message;
  friend bool operator==(const RemedyProgress&, const RemedyProgress&) = default;
};

// The fields that a change replaced, for Rollback. Never of a Secret.
struct PreImage {
  StepId step;
  ObjectReference object;
  RawJson fields;  // a patch of the same type that puts the old values back
  std::string patch_type;
  friend bool operator==(const PreImage&, const PreImage&) = default;
};

// One line of the plan: what a step would do, shown before it does it.
struct PlannedStep {
  StepId id;
  std::string action;
  std::optional<ObjectReference> object;
  std::string text;  // one sentence for people
  std::string body;  // the rendered request body, "" when the step writes nothing
  std::optional<WriteOutcome> validation;  // Validated or Rejected; absent = not asked
  std::string message;                     // why it was rejected or not asked
  friend bool operator==(const PlannedStep&, const PlannedStep&) = default;
};

}  // namespace kr::crds
