#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "controller/runtime/event_recorder.h"
#include "crds/v1alpha1/remediation_policy.h"
#include "reconcilers/limits/admission.h"
#include "reconcilers/limits/breaker.h"
#include "reconcilers/limits/ledger.h"
#include "reconcilers/policy/policies.h"
#include "reconcilers/policy/symptoms.h"
#include "reconcilers/policy/watches.h"
#include "reconcilers/remediation/baseline_keeper.h"
#include "reconcilers/remediation/budgets.h"
#include "reconcilers/remediation/draft.h"
#include "reconcilers/remediation/drains.h"
#include "reconcilers/remediation/environment.h"
#include "reconcilers/remediation/finalizer_release.h"
#include "reconcilers/remediation/holder_sweep.h"
#include "reconcilers/remediation/metrics.h"
#include "reconcilers/remediation/node_claims.h"
#include "reconcilers/remediation/pod_owners.h"
#include "reconcilers/remediation/preflight.h"
#include "reconcilers/remediation/registry.h"
#include "reconcilers/remediation/runner.h"
#include "reconcilers/remediation/status_reporter.h"

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
    StatusReporter::Options report;
    absl::Duration prune_interval = absl::Minutes(1);
    bool paused = false;  // the whole operator
    // How often Alertmanager repeats at least; nullopt: no alerts are received.
    std::optional<absl::Duration> alerts_repeated_within;
    Webhooks::Options webhooks;
    std::string own_pod_uid;  // "": this process runs in no pod
    actions::NodeJobs node_jobs;
    Preflight::Options preflight;
  };

  Controller(Options options, runtime::Engine& engine, runtime::ApiSender& api,
             runtime::OutboundSender& outbound, const cache::WatchContext& context,
             runtime::EventSink& events, RemedyMetrics metrics);
  ~Controller() override;

  // This process leads from now on: takes over what is open. Until StopLeading.
  void Lead(Term term);
  void StopLeading();

  // All of our own kinds are synced: /readyz.
  bool ready() const;
  bool leading() const { return stage_ == Stage::kLeading; }
  // Remediations that are being carried out by this process.
  size_t running() const { return runners_.size(); }
  // What Alertmanager said. Only the leader is to be told: whoever is not has no memory of it.
  void OnAlerts(const std::vector<signals::Alert>& alerts);
  const policy::Watches& watches() const { return watches_; }
  const policy::Policies& policies() const { return policies_; }

 private:
  enum class Stage {
    kStandby,
    kCatchingUp,  // leads, but the cache may not know all Remediations yet
    kLeading,
  };
  // A target that is refused: why, since when for this reason, and since when at all.
  struct Refused {
    crds::Waiting shown;
    absl::Time since;
    // When to ask again. Sooner than is shown where nobody tells that something has changed.
    absl::Time recheck = absl::InfiniteFuture();
    bool open = false;  // it has a Remediation, and that waits
  };
  // One group of limits.groups: its index there, and the value of its key. Behind the last of them:
  // a zone, "" = the whole cluster.
  using Group = std::pair<size_t, std::string>;
  struct GroupState {
    int64_t selected = 0;
    limits::Breaker breaker;
    std::vector<limits::SlotHolder> holders;
  };
  // A target among those of all kinds of a policy: CompiledPolicy::id, and its name.
  using TargetKey = std::pair<std::string, kube::ObjectKey>;
  // Admission's memory of one policy.
  struct PolicyState {
    limits::Breaker breaker;
    std::optional<absl::Time> recheck;  // timer set for then
    std::map<TargetKey, Refused> waiting;
    std::map<Group, GroupState> groups;
    bool grouped = false;  // all targets are counted in `groups`
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
  void OnParams() override;
  void OnRebound() override;
  void OnExtra() override;
  void OnExtraObject(const kube::GroupVersionKind& gvk, const kube::ObjectKey& key) override;
  // SymptomListener.
  void OnReading(const policy::PolicyTargets& targets, const kube::ObjectKey& key,
                 const policy::Sick* sick) override;
  void OnTargetGone(const policy::PolicyTargets& targets, const kube::ObjectKey& key) override;
  void OnSettled(const policy::PolicyTargets& targets) override;
  bool Watching(const policy::CompiledPolicy& policy, const kube::ObjectKey& key) const override;
  absl::Time EventsSince(const policy::CompiledPolicy& policy,
                         const kube::ObjectKey& key) const override;
  void OnBaseline(const policy::CompiledPolicy& policy, const document::Document& target,
                  std::vector<crds::BaselineValue> values,
                  std::vector<crds::BaselineHold> holding) override;
  absl::Time ScheduleSince(const policy::CompiledPolicy& policy,
                           const kube::ObjectKey& key) const override;
  // World.
  document::DocumentPtr Target(const policy::CompiledPolicy& policy,
                               const kube::ObjectKey& key) const override;
  const policy::Surroundings& Around(const policy::CompiledPolicy& policy) const override;
  std::optional<kube::Resource> Find(const kube::GroupVersionKind& gvk) const override;
  bool HasSeen(const policy::CompiledPolicy& policy, const crds::ObjectReference& written,
               std::string_view resource_version) const override;
  std::optional<limits::Refusal> Stale(const policy::CompiledPolicy& policy) const override;
  std::optional<limits::Refusal> Paused() const override;
  std::optional<limits::Refusal> Halted(const crds::Remediation& remediation) const override;
  std::optional<limits::Refusal> Forbidden(const crds::Remediation& remediation) const override;
  std::optional<limits::Refusal> Untouchable(const policy::CompiledPolicy& policy,
                                             const policy::Step& step,
                                             const crds::ObjectReference& object,
                                             const nlohmann::json& live) const override;
  std::optional<limits::Refusal> Admissible(const crds::Remediation& remediation) const override;
  bool WantsApproval(const crds::Remediation& remediation, std::string_view remedy) const override;
  std::vector<policy::PreviousRemediation> Before(
      const crds::Remediation& remediation) const override;
  std::string OtherWriter(const crds::Remediation& remediation,
                          const crds::ObjectReference& object) const override;
  document::Projection::Ptr TargetProjection(const policy::CompiledPolicy& policy) const override;
  document::Projection::Ptr RelatedProjection(const policy::CompiledPolicy& policy,
                                              size_t join) const override;

  // Policies and what is watched for them.
  void OnPolicy(const document::DocumentPtr& before, const document::DocumentPtr& after);
  void OnBudget(const document::DocumentPtr& before, const document::DocumentPtr& after);
  void Serve();
  void WatchForLimits();
  // Whether the values of parameters are others than before.
  bool RefreshParams();
  // Remediations.
  void OnRemediation(const document::DocumentPtr& before, const document::DocumentPtr& after);
  void CatchUp();
  void Adopt();
  void TakeUp(const crds::Remediation& remediation, StartFacts start);
  policy::CompiledPolicyPtr PolicyOf(const crds::Remediation& remediation) const;
  void Conclude(const crds::Remediation& remediation, crds::Phase phase, std::string_view reason,
                std::string message);
  void OnConcluded(Runner& runner);
  void OnEnded(Runner& runner);
  void LeaveToOthers(const std::string& name);
  void OnFinalizerOff(const crds::Remediation& remediation);
  // Of a target: one that is carried out, and those that failed and still hold something.
  std::vector<Runner*> RunnersOf(const policy::CompiledPolicy& policy,
                                 const kube::ObjectKey& target) const;
  // Made by hand: makes it one of ours (labels, UIDs), or ends it with the reason why not.
  void Bind(const crds::Remediation& remediation);
  void OnBound(const std::string& name, StatusOr<kube::Reply> reply);
  void BindLater(const std::string& name);
  limits::Beginning BeginningOf(const crds::Remediation& manual,
                                const policy::CompiledPolicy& policy) const;
  // Those that wait for a slot, a lock or a budget, because one may be free.
  void WakeWaiting();
  // Admission.
  void ConsiderSoon(const std::string& policy_uid);
  void SetGauges() const;
  // Those that wait for an object, a slot or a budget of somebody else.
  void ConsiderBlocked();
  void Consider();
  struct Session;    // one policy in one Consider
  struct Candidate;  // one sick target in one Consider
  void OpenSession(const std::string& policy_uid, std::vector<Session>& sessions);
  std::vector<Candidate> CandidatesOf(std::vector<Session>& sessions) const;
  void CloseSession(Session& session);
  void TryAdmit(Session& session, const Candidate& candidate);
  void Refuse(Session& session, const TargetKey& key, const crds::ObjectReference& target,
              const limits::Refusal& refusal);
  void KeepWaiting(Session& session, const TargetKey& key);
  // Targets whose Remediation is open and does not get on are refused like those without one.
  void AddStalled(Session& session) const;
  limits::PolicyView ViewOf(const std::vector<const policy::PolicyTargets*>& kinds,
                            const PolicyState& state) const;
  // `self`: the Remediation that asks, "" when there is none yet.
  limits::TargetView ViewOf(const policy::CompiledPolicy& policy, const PolicyState& state,
                            const document::Document& target, const policy::Sick& sick,
                            std::string_view self) const;
  void AddMemory(const Session& session, const policy::PolicyTargets& targets,
                 const document::Document& target, const std::string& lineage,
                 limits::TargetView& view) const;
  // Of a target whose newest Remediation is `newest`, or null.
  std::optional<limits::SecondLook> SecondLookAt(const policy::PolicyTargets& targets,
                                                 const policy::Sick& sick,
                                                 const crds::Remediation* newest) const;
  // Whether somebody else is at work on a target; a policy that only tells disturbs nobody.
  StatusOr<std::optional<limits::Refusal>> ForeignTo(const policy::CompiledPolicy& policy,
                                                     const crds::ObjectReference& ref,
                                                     const document::Document& target) const;
  // The namespaces that have.
  static policy::Watches::Extra OptedOut();
  // Whether the target's namespace has opted out. An error when that is not known.
  Status AddNamespace(limits::TargetFacts& facts) const;
  // limits.groups (controller_groups.cc).
  std::vector<Group> GroupsOf(const policy::CompiledPolicy& policy,
                              const document::Document& target) const;
  void CountGroups(const std::vector<const policy::PolicyTargets*>& kinds, PolicyState& state);
  static std::optional<crds::IntOrPercent> MaxUnhealthyOf(const policy::CompiledPolicy& policy,
                                                          const Group& group);
  // The zone of a node and the cluster, for a policy that acts on nodes.
  std::vector<Group> NodeGroupsOf(const policy::CompiledPolicy& policy,
                                  std::string_view node) const;
  // Whether the breaker of the whole cluster stops a policy that acts on nodes.
  std::optional<limits::Refusal> CheckCluster(const policy::PolicyEntry& entry,
                                              const PolicyState& state) const;
  void CountNodes(const policy::PolicyTargets& targets, PolicyState& state,
                  std::map<Group, int64_t>& sick) const;
  std::vector<limits::GroupView> ViewGroups(const policy::CompiledPolicy& policy,
                                            const document::Document& target,
                                            const PolicyState& state) const;
  static std::vector<crds::GroupBreaker> GroupBreakers(const PolicyState& state);
  static void RestoreGroups(const crds::RemediationPolicy& policy, PolicyState& state);
  // Slots and locks. The ledger follows every Remediation that comes, changes or goes.
  void Account(const crds::Remediation& remediation);
  // A state of a Remediation that the API server has answered with, ahead of the watch.
  void Learn(const crds::Remediation& remediation);
  std::optional<limits::Refusal> Claim(const crds::Remediation& remediation,
                                       std::span<const crds::ObjectReference> objects);
  // An error when the owners of a pod are not known (yet).
  StatusOr<std::string> LineageOfTarget(const policy::CompiledPolicy& policy,
                                        const document::Document& target) const;
  // A target that was sick is well now, or gone.
  void SawWell(const policy::PolicyTargets& targets, const document::Document& target);
  limits::Breaker::Counts CountSick(std::string_view policy_uid) const;
  // The same, and what else speaks for an outage: of nodes all that are not Ready.
  limits::Breaker::Counts CountUnhealthy(std::string_view policy_uid) const;
  int64_t Selected(std::string_view policy_uid) const;
  // All targets of all kinds have been evaluated.
  bool Settled(std::string_view policy_uid) const;
  // The policy's Remediations, those whose creation is on its way included.
  void ForEachOf(std::string_view policy_uid,
                 absl::FunctionRef<void(const crds::Remediation&)> visit) const;
  std::vector<absl::Time> CreationTimes(std::string_view policy_uid) const;
  bool Reverted(const policy::CompiledPolicy& policy, const document::Document& target,
                const crds::Remediation& predecessor) const;
  // Making it (controller_creation.cc).
  void Create(policy::CompiledPolicyPtr policy, Draft draft);
  void OnCreated(policy::CompiledPolicyPtr policy, Draft draft, StatusOr<kube::Reply> reply);
  void OnExisting(policy::CompiledPolicyPtr policy, Draft draft, StatusOr<kube::Reply> reply);
  void RetryCreation(const std::string& lineage, const std::string& policy_uid,
                     absl::Duration delay);
  // The API server does not want it, for `why`; tried again later, and listed as waiting till then.
  void CreationRefused(const std::string& lineage, const std::string& policy_uid, std::string why);
  std::optional<limits::Refusal> Uncreated(const std::string& lineage);
  // The creation is over, whatever became of it.
  void EndCreation(const std::string& lineage);
  // Reporting and keeping order.
  void Report(const std::string& policy_uid);
  void ReportBudgets();
  std::optional<StatusReporter::Wanted> StatusOf(const std::string& policy_uid);
  std::optional<StatusReporter::Wanted> BudgetStatusOf(const std::string& budget_uid);
  // What is to be asked about a policy: of each of its kinds.
  std::vector<Preflight::Subject> SubjectsOf(const std::string& policy_uid) const;
  // The permissions of a policy whose targets are all known.
  void CheckPermissions(const std::string& policy_uid);
  limits::Breaker::Limit BreakerLimit(const crds::RemediationPolicySpec& spec) const;
  void Prune();
  // TargetBaselines (controller_baselines.cc).
  void OnBaselineObject(const document::DocumentPtr& before, const document::DocumentPtr& after);
  void OnRemediated(const policy::CompiledPolicy& policy, const document::Document& target,
                    const signals::View& view, absl::Time steps_done);
  void DropBaselines(std::string_view policy_uid);
  void PruneBaselines();
  void RecordBaselines();

  const Options options_;
  runtime::Engine& engine_;
  runtime::ApiSender& api_;
  runtime::EventSink& events_;
  const RemedyMetrics metrics_;
  Webhooks webhooks_;
  policy::Policies policies_;
  policy::Watches watches_;
  Drains drains_;
  Services services_;
  policy::Symptoms symptoms_;
  Registry registry_;
  limits::Ledger ledger_;
  PodOwners owners_;
  Budgets budgets_;
  const NodeClaims claims_;
  StatusReporter reporter_;
  StatusReporter budget_reporter_;
  BaselineKeeper baselines_;
  HolderSweep sweep_;
  FinalizerRelease finalizers_;
  Preflight preflight_;

  Stage stage_ = Stage::kStandby;
  bool listed_ = false;                        // while catching up: `wanted_` is complete
  std::map<std::string, std::string> wanted_;  // name to version that the cache must have reached
  std::map<std::string, PolicyState> states_;  // by policy UID
  std::map<std::string, std::unique_ptr<Runner>> runners_;  // by Remediation name
  std::map<std::string, std::unique_ptr<StatusWriter>> concluding_;
  std::map<std::string, Draft> creating_;             // by lineage digest
  std::map<std::string, limits::Refusal> uncreated_;  // the same; until its next_check
  // Names of Remediations that another instance has taken over, for a while: whoever of us leads in
  // truth goes on with them, and the write permit of the other ends.
  std::set<std::string> left_to_others_;
  std::set<std::string> binding_;  // names, made by hand and on the way to be ours
  std::set<std::string> considering_;
  bool consider_scheduled_ = false;
  std::set<std::string> pruning_;
  runtime::TimerId prune_timer_{};
  std::shared_ptr<Controller*> self_;
};

}  // namespace kr::remediation
