#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/document/decoder.h"
#include "controller/kube/resource.h"
#include "controller/runtime/api_sender.h"
#include "controller/runtime/engine.h"
#include "controller/runtime/event_recorder.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/limits/reasons.h"
#include "reconcilers/limits/settings.h"
#include "reconcilers/policy/compiled_policy.h"
#include "reconcilers/policy/target_view.h"
#include "reconcilers/remediation/drains.h"
#include "reconcilers/remediation/metrics.h"
#include "reconcilers/remediation/status_writer.h"
#include "reconcilers/remediation/webhooks.h"

namespace kr::remediation {

// All waiting times of a remediation that are not in the policy. From the configuration file, so
// that tests are quick.
struct Timing {
  absl::Duration write_timeout = absl::Seconds(5);   // a third of the lease duration
  absl::Duration recheck = absl::Milliseconds(500);  // live view and cache disagree, no permit
  absl::Duration retry_initial = absl::Milliseconds(500);  // a request failed for now
  absl::Duration retry_max = absl::Seconds(30);
  absl::Duration progress = absl::Seconds(10);  // between writes of mere progress
  absl::Duration approval = absl::Hours(1);  // a plan can be approved, an approval used for so long
};

// What the remediations of one process share. Engine thread only.
struct Services {
  runtime::Engine& engine;
  runtime::ApiSender& api;
  runtime::EventSink& events;
  document::Decoder& decoder;
  Term term;  // of this leadership
  Timing timing;
  limits::Settings limits;
  RemedyMetrics metrics;
  Webhooks& webhooks;
  Drains& drains;
  std::string own_pod_uid;  // "": this process runs in no pod
  const actions::NodeJobs& node_jobs;
};

// What a remediation asks about the world as the caches see it, and about the policy as it is now.
class World {
 public:
  virtual ~World() = default;
  // Null: there is no such target any more.
  virtual document::DocumentPtr Target(const policy::CompiledPolicy& policy,
                                       const kube::ObjectKey& key) const = 0;
  virtual const policy::Surroundings& Around(const policy::CompiledPolicy& policy) const = 0;
  // Where objects of a kind live; nullopt while discovery does not know.
  virtual std::optional<kube::Resource> Find(const kube::GroupVersionKind& gvk) const = 0;
  // Whether the caches that the policy reads know of a write to an object, by the version that it
  // was answered with: own writes are awaited before anything is judged again.
  virtual bool HasSeen(const policy::CompiledPolicy& policy, const crds::ObjectReference& written,
                       std::string_view resource_version) const = 0;
  // Why the caches that the policy rests on must not be believed now (StaleView).
  virtual std::optional<limits::Refusal> Stale(const policy::CompiledPolicy& policy) const = 0;
  // Why nobody may write anything at all: the whole operator is paused.
  virtual std::optional<limits::Refusal> Paused() const = 0;
  // Why this remediation may write nothing at all now, not even to take something back: the policy
  // is paused, only observes or is not accepted any more, or the target is excluded.
  virtual std::optional<limits::Refusal> Halted(const crds::Remediation& remediation) const = 0;
  // Halted, or what stops a remedy only: windows, breaker, somebody else's maintenance.
  virtual std::optional<limits::Refusal> Forbidden(const crds::Remediation& remediation) const = 0;
  // Why an object that a step works on besides the target must not be written to: Protected or
  // ForeignMaintenance, as for targets, or StaleView while that is not known. `live` is what the
  // server has; null: nothing.
  virtual std::optional<limits::Refusal> Untouchable(const policy::CompiledPolicy& policy,
                                                     const policy::Step& step,
                                                     const crds::ObjectReference& object,
                                                     const nlohmann::json& live) const = 0;
  // Why a remediation that holds no slot (made by hand, or approved just now) may not take one yet:
  // everything that stops an episode from being admitted, without `for`, cooldown and rate.
  virtual std::optional<limits::Refusal> Admissible(const crds::Remediation& remediation) const = 0;
  // Whether the policy as it is now wants a person to approve `remedy` before it begins.
  virtual bool WantsApproval(const crds::Remediation& remediation,
                             std::string_view remedy) const = 0;
  // The other policy that wrote to an object after this one's last write: "policy x"; "": nobody.
  virtual std::string OtherWriter(const crds::Remediation& remediation,
                                  const crds::ObjectReference& object) const = 0;
  // What came before it of the same lineage and has ended: the newest of them, the last one first.
  virtual std::vector<policy::PreviousRemediation> Before(
      const crds::Remediation& remediation) const = 0;
  // What the documents of targets are made with.
  virtual document::Projection::Ptr TargetProjection(
      const policy::CompiledPolicy& policy) const = 0;
  virtual document::Projection::Ptr RelatedProjection(const policy::CompiledPolicy& policy,
                                                      size_t join) const = 0;
};

}  // namespace kr::remediation
