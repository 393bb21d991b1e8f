#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/runtime/event_recorder.h"
#include "crds/v1alpha1/remediation_policy.h"
#include "reconcilers/limits/admission.h"
#include "reconcilers/limits/breaker.h"
#include "reconcilers/policy/policies.h"
#include "reconcilers/policy/symptoms.h"
#include "reconcilers/policy/watches.h"
#include "reconcilers/remediation/draft.h"
#include "reconcilers/remediation/environment.h"
#include "reconcilers/remediation/metrics.h"
#include "reconcilers/remediation/pod_owners.h"
#include "reconcilers/remediation/policy_reporter.h"
#include "reconcilers/remediation/registry.h"
#include "reconcilers/remediation/runner.h"

namespace kr::remediation {

// The controller as a whole: policies in, remediations out.
//
//   watches -> symptoms -> Consider (admission) -> create Remediation -> Runner -> end -> Consider
//
// Every replica watches and evaluates, so that a standby knows what the leader knows; only while it
// leads does it create, run and report. Engine thread only.
class Controller final : private policy::WatchListener,
                         private policy::SymptomListener,
                         public World {
 public:
  struct Options {
    policy::Watches::Options watches;
    Timing timing;
    limits::Settings limits;
    PolicyReporter::Options report;
    absl::Duration prune_interval = absl::Minutes(1);
    bool paused = false;  // the whole operator
  };

  Controller(Options options, runtime::Engine& engine, runtime::ApiSender& api,
             const cache::WatchContext& context, runtime::EventSink& events, RemedyMetrics metrics);
  ~Controller() override;

  // This process leads from now on: takes over what is open. Until StopLeading.
  void Lead(Term term);
  void StopLeading();

  // All of our own kinds are synced: /readyz.
  bool ready() const;
  bool leading() const { return stage_ == Stage::kLeading; }
  // Remediations that are being carried out by this process.
  size_t running() const { return runners_.size(); }
  const policy::Watches& watches() const { return watches_; }
  const policy::Policies& policies() const { return policies_; }

 private:
  enum class Stage {
    kStandby,
    kCatchingUp,  // leads, but the cache may not know all Remediations yet
    kLeading,
  };
  // Admission's memory of one policy.
  struct PolicyState {
    limits::Breaker breaker;
    std::optional<absl::Time> recheck;  // timer set for then
    // What is refused, and since when for this reason.
    std::map<kube::ObjectKey, crds::Waiting> waiting;
    // By lineage that has a Remediation: when the last sickness that was seen ended.
    std::map<std::string, absl::Time> last_sick;
  };

  // WatchListener.
  void OnOwnObject(const kube::Resource& resource, const document::DocumentPtr& before,
                   const document::DocumentPtr& after) override;
  void OnTarget(const policy::CompiledPolicy& policy, const document::Document& object, bool was,
                bool is) override;
  void OnSurroundings(const policy::CompiledPolicy& policy,
                      const document::Document& target) override;
  void OnRebound() override;
  // SymptomListener.
  void OnReading(const policy::PolicyTargets& targets, const kube::ObjectKey& key,
                 const policy::Sick* sick) override;
  void OnTargetGone(const policy::PolicyTargets& targets, const kube::ObjectKey& key) override;
  void OnSettled(const policy::PolicyTargets& targets) override;
  bool Watching(const policy::CompiledPolicy& policy, const kube::ObjectKey& key) const override;
  absl::Time EventsSince(const policy::CompiledPolicy& policy,
                         const kube::ObjectKey& key) const override;
  // World.
  document::DocumentPtr Target(const policy::CompiledPolicy& policy,
                               const kube::ObjectKey& key) const override;
  const policy::Surroundings& Around(const policy::CompiledPolicy& policy) const override;
  std::optional<kube::Resource> Find(const kube::GroupVersionKind& gvk) const override;
  bool HasSeen(const policy::CompiledPolicy& policy, std::string_view name_space,
               std::string_view resource_version) const override;
  std::optional<limits::Refusal> Stale(const policy::CompiledPolicy& policy) const override;
  std::optional<limits::Refusal> Forbidden(const crds::Remediation& remediation) const override;
  std::optional<limits::Refusal> Admissible(const crds::Remediation& remediation) const override;
  bool WantsApproval(const crds::Remediation& remediation, std::string_view remedy) const override;
  document::Projection::Ptr TargetProjection(const policy::CompiledPolicy& policy) const override;
  document::Projection::Ptr RelatedProjection(const policy::CompiledPolicy& policy,
                                              size_t join) const override;

  // Policies and what is watched for them.
  void OnPolicy(const document::DocumentPtr& before, const document::DocumentPtr& after);
  void Serve();
  // Remediations.
  void OnRemediation(const document::DocumentPtr& before, const document::DocumentPtr& after);
  void CatchUp();
  void Adopt();
  void TakeUp(const crds::Remediation& remediation, StartFacts start);
  policy::CompiledPolicyPtr PolicyOf(const crds::Remediation& remediation) const;
  void Conclude(const crds::Remediation& remediation, crds::Phase phase, std::string_view reason,
                std::string message);
  void OnEnded(Runner& runner);
  void LeaveToOthers(const std::string& name);
  Runner* FindRunner(std::string_view policy_uid, const kube::ObjectKey& target) const;
  // Made by hand: makes it one of ours (labels, UIDs), or ends it with the reason why not.
  void Bind(const crds::Remediation& remediation);
  void OnBound(const std::string& name, StatusOr<kube::Reply> reply);
  void BindLater(const std::string& name);
  limits::Beginning BeginningOf(const crds::Remediation& manual,
                                const policy::CompiledPolicy& policy) const;
  // Those that wait for a slot, because one may be free.
  void WakeWaiting();
  // Admission.
  void ConsiderSoon(const std::string& policy_uid);
  void Consider(const std::string& policy_uid);
  void SetGauges() const;
  // `sick_since`: by lineage, of the targets before this one.
  void TryAdmit(const policy::PolicyTargets& targets, const kube::ObjectKey& key,
                const policy::Sick& sick, PolicyState& state,
                std::map<std::string, absl::Time>& sick_since);
  limits::AdmissionView ViewOf(const policy::PolicyTargets& targets,
                               const document::Document& target, const policy::Sick& sick,
                               const PolicyState& state) const;
  void AddMemory(const policy::PolicyTargets& targets, const document::Document& target,
                 const std::string& lineage, const PolicyState& state,
                 limits::AdmissionView& view) const;
  // An error when the owners of a pod are not known (yet).
  StatusOr<std::string> LineageOfTarget(const policy::CompiledPolicy& policy,
                                        const document::Document& target) const;
  // A target that was sick is well now, or gone.
  void SawWell(const policy::PolicyTargets& targets, const document::Document& target);
  limits::Breaker::Counts CountSick(const policy::PolicyTargets& targets) const;
  // The policy's Remediations, those whose creation is on its way included.
  void ForEachOf(std::string_view policy_uid,
                 absl::FunctionRef<void(const crds::Remediation&)> visit) const;
  std::vector<absl::Time> CreationTimes(std::string_view policy_uid) const;
  std::vector<limits::SlotHolder> Holders(std::string_view policy_uid) const;
  bool Reverted(const policy::CompiledPolicy& policy, const document::Document& target,
                const crds::Remediation& predecessor) const;
  void Create(policy::CompiledPolicyPtr policy, Draft draft);
  void OnCreated(policy::CompiledPolicyPtr policy, Draft draft, StatusOr<kube::Reply> reply);
  void OnExisting(policy::CompiledPolicyPtr policy, Draft draft, StatusOr<kube::Reply> reply);
  // Reporting and keeping order.
  void Report(const std::string& policy_uid);
  std::optional<PolicyReporter::Wanted> StatusOf(const std::string& policy_uid);
  limits::Breaker::Limit BreakerLimit(const crds::RemediationPolicySpec& spec) const;
  void Prune();

  const Options options_;
  runtime::Engine& engine_;
  runtime::ApiSender& api_;
  runtime::EventSink& events_;
  const RemedyMetrics metrics_;
  Services services_;
  policy::Policies policies_;
  policy::Watches watches_;
  policy::Symptoms symptoms_;
  Registry registry_;
  PodOwners owners_;
  PolicyReporter reporter_;

  Stage stage_ = Stage::kStandby;
  bool listed_ = false;                        // while catching up: `wanted_` is complete
  std::map<std::string, std::string> wanted_;  // name to version that the cache must have reached
  std::map<std::string, PolicyState> states_;  // by policy UID
  std::map<std::string, std::unique_ptr<Runner>> runners_;  // by Remediation name
  std::map<std::string, std::unique_ptr<StatusWriter>> concluding_;
  std::map<std::string, Draft> creating_;  // by lineage digest
  // Names of Remediations that another instance has taken over, for a while: whoever of us leads in
  // truth goes on with them, and the write permit of the other ends.
  std::set<std::string> left_to_others_;
  std::set<std::string> binding_;  // names, made by hand and on the way to be ours
  std::set<std::string> considering_;
  std::set<std::string> pruning_;
  runtime::TimerId prune_timer_{};
  std::shared_ptr<Controller*> self_;
};

}  // namespace kr::remediation
