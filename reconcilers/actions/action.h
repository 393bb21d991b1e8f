#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "controller/base/status.h"
#include "controller/cel/program.h"
#include "controller/document/path.h"
#include "controller/kube/http.h"
#include "controller/kube/resource.h"
#include "crds/meta/object_meta.h"
#include "crds/v1alpha1/progress.h"

namespace kr::crds {
struct Remediation;
}
namespace kr::drain {
class Cluster;
struct Tried;
}  // namespace kr::drain

// What a step does, as a pure state machine. An action does no I/O and keeps no state: the runner
// asks Next, does the one thing it answers, and asks again. So a crash at any point is the same as
// asking again, and every write is known (and stored) before it is sent.
namespace kr::actions {

// How much an action can hurt.
enum class Disruption { kNone, kWorkload, kNode };

// What becomes of the effect.
enum class Reversal {
  kNothing,     // there is no effect to take back
  kMitigation,  // released at recovery (cordon, taint)
  kChange,      // is the cure: kept, unless onFailure: Rollback
  kIrreversible,
};

struct RbacRule {
  std::string api_group, resource, verb;
  // Not "": only the object of this name in the operator's own namespace; "*": all of them there.
  std::string own_name = {};
  // Not "": only in this namespace.
  std::string name_space = {};
  friend auto operator<=>(const RbacRule&, const RbacRule&) = default;
};

// The object that a step acts on.
struct ObjectRef {
  kube::Resource resource;
  kube::ObjectKey key;
  std::string uid;  // "" when any object of that name will do (applyTo.ref)
};

// What came of a Call. Never holds what the webhook's Secret says.
struct Answer {
  enum class Kind {
    kAnswered,     // with `code` and the beginning of `body`
    kUnreachable,  // no connection, or no answer in time: it may have been received all the same
    kUnready,      // nothing was sent: the webhook is not configured, or its address is refused
  };
  Kind kind = Kind::kUnreachable;
  int code = 0;
  std::string body = {};
  bool truncated = false;  // the body was longer
  std::optional<absl::Duration> retry_after = {};
  std::string error = {};  // of the other kinds
  absl::Time at = {};
  int64_t tries = 1;  // so many calls were made since this process began to make them
};

// How Jobs are made that run something on a host: from the operator's configuration.
struct NodeJobs {
  std::string name_space;       // of the Jobs, and of the leases of agents
  std::string image;            // "" = that of the operator's own pod
  std::string service_account;  // of their pods
  std::string api_server;       // "host:port" for their pods; "" = as every pod finds it
  kube::ObjectKey own_pod;      // name "" = we do not run in a pod
};

// Evaluates over the current view of the policy's scope. Errors mean "unknown".
using Evaluate = std::function<StatusOr<nlohmann::json>(const cel::Program&)>;

// What a GET found, and when; JSON null: no such thing.
struct Seen {
  nlohmann::json object;
  absl::Time at;
};

// What the runner has seen for the action. All of it may be missing.
struct Observed {
  ObjectRef ref;
  // The live object: nullopt = not read yet, or something was written whose outcome is unknown;
  // JSON null = it does not exist.
  std::optional<nlohmann::json> live;
  // What the server made of the request of a DryRun, when one was asked for: the object, or JSON
  // null when it refused, with its words in `dry_run_refused`: Aborted when other field managers
  // own what an apply says. Forgotten together with `live`.
  std::optional<nlohmann::json> dry_run;
  Status dry_run_refused;
  // What the GETs of Looks found, by their name. Forgotten together with `live`.
  std::map<std::string, Seen, std::less<>> looked;
  // Of the last Call, when this process made it.
  std::optional<Answer> answer;
  // What drains remember of each other and, for actions that NeedsCluster, what is around: not all
  // of it while `cluster_missing` says what not. Null: nobody drains here.
  const drain::Cluster* cluster = nullptr;
  std::string cluster_missing = {};
  // By UID: what the server said about the writes of a Batch that it did not execute, to this
  // process. Null: nothing.
  const std::map<std::string, drain::Tried>* tried = nullptr;
  // A person has said yes to this rung.
  bool approved = false;
  // The policy means nodes of the control plane, too.
  bool means_control_plane = false;
  // The pod that this process runs in; "" when it runs in none.
  std::string own_pod_uid = {};
  // The remediation that the step is part of, and which step it is. Never null.
  const crds::Remediation* remediation = nullptr;
  crds::StepId step;
  // It is only planned: what steps before it will have done cannot be seen.
  bool planning = false;
  // Never null while a step runs or is planned.
  const NodeJobs* node_jobs = nullptr;
  // Why the server did not execute the step's last write for now (429), as it said it; "" when it
  // has not. The runner comes back with growing pauses; the action decides how often.
  std::string refusal;
  absl::Time now;
  absl::Time step_started;
  // Somebody wants the remediation to end: what must be completed (MustComplete) is, by the
  // shortest way.
  bool stopping = false;
  // How long the server may execute a write; goes into every request (?timeout=).
  std::optional<absl::Duration> server_timeout;
  // Evaluates over the current view of the policy's scope; with applyTo, `it` is the live object.
  // Errors mean "unknown".
  Evaluate evaluate;
  // Where objects of a kind live; nullopt while discovery does not know.
  std::function<std::optional<kube::Resource>(const kube::GroupVersionKind&)> find;
};

// Reads the live object (GET of Observed::ref), then ask again.
struct Read {};
// Sends `request` (which has dryRun=All) as a read: what would the server make of it?
struct DryRun {
  kube::HttpRequest request;
};
// The one conditional write. `memo` is stored with the intent, before the request is sent.
struct Write {
  kube::HttpRequest request;  // carries a UID or resourceVersion precondition
  std::string verb;           // "patch", for status.writes
  std::string summary;        // one line that says what changes: shown in plan, events and status
  nlohmann::json memo;
  // What is written when it is not the object of the step.
  std::optional<ObjectRef> object = {};
};
// Calls the webhook of that name, which is not the cluster: the same body and key until the action
// is over, also by another process, so that the receiver knows a call that comes twice. `memo` is
// stored with the intent, before the call leaves.
struct Call {
  std::string webhook;
  std::string body;  // JSON
  std::string idempotency_key;
  absl::Duration timeout;
  std::string summary;  // as of a Write
  nlohmann::json memo;
};
// Nothing to do until something changes, `until` at the latest.
struct Wait {
  absl::Time until;
  std::string progress;  // "3 of 5 updated"; shown in status
  nlohmann::json memo;   // kept in memory only: may be forgotten by a restart
  bool reread = false;   // what is waited for shows in the live object: read it again at `until`
  // What kind of thing holds it up: bounded, for metrics; "" = nothing.
  std::string blocked_by = {};
  bool passing = false;  // it will be another thing in a moment: not worth a write of its own
};
struct Done {
  std::string message;
  nlohmann::json memo = {};  // stored when it is not null: what later steps may ask about this one
  std::string announcement = {};   // told as an Event on the target when not empty (notify)
  std::string event = "Notified";  // the reason of that Event
  // Evidence that somebody else gave: kept in the record of the remediation under `source`.
  std::string source = {};
  nlohmann::json evidence = {};
};
struct Failed {
  std::string reason;  // CamelCase
  std::string message;
};
// The action must not act here, for a lasting reason that a person should know: the remediation
// ends Reported.
struct Report {
  std::string reason;
  std::string message;
};
// Somebody else decided otherwise: the remediation ends Cancelled.
struct Abort {
  std::string reason;
  std::string message;
};
// Sends `request`, a GET of something else than the object, or a dry run: what is around it?
struct Look {
  kube::HttpRequest request;
  std::string name;  // of what it finds in Observed::looked
};
// Several writes under one intent, sent at the same time: none depends on another, and each carries
// the UID of its object. What the server did not execute is in Observed::tried; what nobody knows
// stays in the status' intent, until the action has looked and says Settled.
struct Batch {
  struct One {
    kube::HttpRequest request;
    crds::ObjectReference object;
  };
  std::vector<One> writes;
  std::string verb;     // as of a Write
  std::string summary;  // as of a Write, of all of them
  nlohmann::json memo;
};
// The objects that the intent of a batch is about.
std::vector<crds::ObjectReference> ObjectsOf(const crds::Intent& intent);
// Of the objects of the open intent, these (UIDs) were written to; the others were not.
struct Settled {
  std::vector<std::string> executed;
};
using Next = std::variant<Read, DryRun, Write, Wait, Done, Failed, Report, Abort, Look, Call, Batch,
                          Settled>;

// One line of what an action that works on many objects is going to do.
struct Foreseen {
  crds::ObjectReference object;
  std::string text;     // what, in words that stay the same until it is done
  std::string message;  // what else is known of it now
};

// One step's action with its parameters, made when the policy is compiled. Immutable.
class Action {
 public:
  virtual ~Action() = default;

  virtual std::string_view kind() const = 0;  // as in the policy: "setEnv"
  // One line for the plan: "set FELIX_HEALTHHOST=127.0.0.1 in container calico-node".
  virtual std::string Describe() const = 0;
  virtual Disruption disruption() const = 0;
  virtual Reversal reversal() const = 0;
  virtual std::vector<RbacRule> RequiredRules(const kube::Resource& resource) const = 0;

  // `memo` is what the last Write or Wait of this step left, null at the start.
  // Asked after everything that happened; must not repeat a write whose effect is there.
  virtual Next Ask(const nlohmann::json& memo, const Observed& observed) const = 0;

  // It decides by what is around its object: Observed::cluster.
  virtual bool NeedsCluster() const { return false; }
  // Of an action that works on many objects: each of them, for the plan. Observed::cluster is
  // there.
  virtual std::vector<Foreseen> Foresee(const Observed&) const { return {}; }
  // What has to be seen for that besides; nullopt: nothing (more).
  virtual std::optional<Look> BeforeForesee(const Observed&) const { return std::nullopt; }

  // Whether the action has sections that must not be left in the middle: the log of one is kept
  // (by a finalizer) even if somebody deletes the Remediation.
  virtual bool HasSections() const { return false; }
  // Whether the step is within one now. While it is, the action is asked on and may write although
  // the remediation is cancelled, its policy paused or deleted, or the symptom gone. In doubt (live
  // is not known) true: the action is asked, and reads. Every section has a deadline of its own.
  virtual bool MustComplete(const nlohmann::json& memo, const Observed& observed) const;

  // The object that the action works on when it names one itself (apply); nullopt: the target, or
  // what applyTo chose. Asked once, when the step starts. An error means "not known yet".
  virtual StatusOr<std::optional<crds::ObjectReference>> Object(const Evaluate& evaluate) const;

  // Once it has failed the changes of its attempt are taken back, also without onFailure: Rollback.
  virtual bool TakesBackOnFailure() const { return false; }

  // It does by force what is safe only on a node that is off: it wants fencing evidence.
  virtual bool NeedsFencing() const { return false; }

  // The expressions that Ask and Object may evaluate; the runner makes sure that what they read is
  // there.
  virtual std::vector<const cel::Program*> Expressions() const { return {}; }

  // For changes, and Undo and Left also for mitigations. The fields of the object that hold the
  // effect...
  virtual std::vector<document::Path> EffectPaths() const { return {}; }
  // ...the same as managedFields spells them (managed_fields.h), as exactly as is known...
  virtual std::vector<std::vector<std::string>> EffectFields() const;
  // ...whether `object` (at least those fields) still holds it: false means somebody reverted it...
  virtual bool EffectHolds(const nlohmann::json& memo, const nlohmann::json& object) const;
  // ...and the write that takes it back, touching only fields that still hold our value under our
  // field manager; nullopt when there is nothing (left) to take back. `observed.live` must be
  // there.
  virtual std::optional<Write> Undo(const nlohmann::json& memo, const Observed& observed) const;
  // What has to be seen (Look) or waited for (Wait) before Undo is asked; nullopt: nothing. Asked
  // with `observed.live`.
  virtual std::optional<Next> BeforeUndo(const nlohmann::json& /*memo*/,
                                         const Observed& /*observed*/) const {
    return std::nullopt;
  }
  // Once Undo has nothing (more) to do: what of the change is there nevertheless, and why
  // ("spec.replicas (set by kubectl)"); "" when everything is as it was. No values: it is told in
  // Events. `observed.live` must be there.
  virtual std::string Left(const nlohmann::json& memo, const Observed& observed) const;
};

// Why a change cannot be taken back although it was made (its pre-image was too large, or of a
// Secret); "" when it can. To be told beside Undo's nullopt.
std::string WhyNoUndo(const nlohmann::json& memo);

// Field manager of every change that actions make.
inline constexpr char kFieldManager[] = "kube-remedy";

}  // namespace kr::actions
