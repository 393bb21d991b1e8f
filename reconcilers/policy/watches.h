#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "controller/cache/event_stream.h"
#include "controller/cache/informer_set.h"
#include "controller/cache/relation_set.h"
#include "controller/runtime/engine.h"
#include "reconcilers/limits/reasons.h"
#include "reconcilers/policy/cache_budget.h"
#include "reconcilers/policy/compiled_policy.h"
#include "reconcilers/policy/discovery.h"
#include "reconcilers/policy/event_log.h"
#include "reconcilers/policy/needs.h"
#include "reconcilers/policy/policy_index.h"
#include "reconcilers/policy/target_view.h"
#include "reconcilers/signals/past.h"

namespace kr::policy {

// Hears what policies have to be evaluated again. Calls come on the engine thread, never inside a
// call to Watches.
class WatchListener {
 public:
  virtual ~WatchListener() = default;
  // An object of one of our own kinds (Watches::Own) changed; `after` is null when it is gone.
  virtual void OnOwnObject(const kube::Resource& resource, const document::DocumentPtr& before,
                           const document::DocumentPtr& after) = 0;
  // A target changed, appeared (`was` false) or went away or out of the selection (`is` false).
  virtual void OnTarget(const CompiledPolicy& policy, const document::Document& object, bool was,
                        bool is) = 0;
  // Something that the target is joined with changed, or an Event came.
  virtual void OnSurroundings(const CompiledPolicy& policy, const document::Document& target) = 0;
  // A ConfigMap with the values of parameters changed.
  virtual void OnParams() = 0;
  // What can be read may have changed as a whole: count and evaluate all targets again.
  virtual void OnRebound() = 0;
  // An object of a kind of Watches::Extra came, changed or went.
  virtual void OnExtra() {}
  // The same of an Extra that wants to be told each of them.
  virtual void OnExtraObject(const kube::GroupVersionKind& /*gvk*/,
                             const kube::ObjectKey& /*key*/) {}
};

// Everything that is watched because a policy reads it: targets, joined objects, Events. Turns
// changes of the cluster into "evaluate this target of that policy". Engine thread only.
class Watches final : public cache::InformerObserver {
 public:
  struct Options {
    cache::InformerSet::Options informers;
    absl::Duration stale_after = absl::Seconds(30);
    // Kinds that are always watched whole: our own.
    std::vector<kube::Resource> own;
    // Watched like them while a policy needs it.
    std::optional<kube::Resource> baselines;
    bool onlooker = false;  // signals::Past
    CacheBudget memory;
  };

  // References outlive it; `listener` too.
  Watches(Options options, runtime::Engine& engine, runtime::ApiSender& api,
          const cache::WatchContext& context, WatchListener& listener);
  ~Watches() override;

  // All policies that are to be fed from now on, those of open remediations included, and what
  // gives parameters their values, whether a policy has them already or waits for them.
  void Serve(std::vector<CompiledPolicyPtr> policies, ParamSources params = {});
  // The texts of one of those. NotFound when there is no such ConfigMap; Unavailable while it has
  // not been read.
  StatusOr<std::map<std::string, std::string>> Texts(const crds::ParamRef& ref) const;

  // Objects that are watched besides what policies read: what budgets count, namespaces that opt
  // out.
  struct Extra {
    kube::GroupVersionKind gvk;
    std::vector<std::string> namespaces = {};
    std::vector<std::string> names = {};
    std::string label_selector = {};
    std::vector<document::Path> paths = {};
    bool each = false;  // OnExtraObject instead of OnExtra
    friend bool operator==(const Extra&, const Extra&) = default;
  };
  // All that are wanted from now on.
  void WatchAlso(std::vector<Extra> extras);

  // How well a policy is served.
  struct Readiness {
    enum class State {
      kReady,
      kSyncing,
      kInactive,  // a kind does not exist (yet)
      kDenied,    // a kind may not be read
      kUnknown,   // discovery has no answer
      kTooLarge,  // what it reads does not fit into memory; it is tried again
    };
    State state = State::kSyncing;
    std::string message;
  };
  Readiness ReadinessOf(const CompiledPolicy& policy) const;
  // Memory of everything that is kept of the cluster, and the policies that gave way to it.
  size_t cache_bytes() const;
  size_t dismissed() const;
  // What is there of an Extra, now. The view may hold more than the label selector asks for.
  struct ExtraView {
    Readiness readiness;
    cache::View view;
  };
  ExtraView Find(const Extra& extra) const;
  // Changes whenever other watches than before serve the policy: what they have may differ from
  // what was heard of the others. 0 when it is not served.
  uint64_t ViewOf(const CompiledPolicy& policy) const;
  std::optional<limits::Refusal> Stale(const CompiledPolicy& policy) const;

  // The object, or the empty place (place.h) where one should be; null when there is neither.
  document::DocumentPtr Target(const CompiledPolicy& policy, const kube::ObjectKey& key) const;
  void ForEachTarget(const CompiledPolicy& policy,
                     absl::FunctionRef<void(const document::DocumentPtr&)> visit) const;
  // The policy's places where no object is; none for a policy without `absent`.
  std::vector<kube::ObjectKey> EmptyPlaces(const CompiledPolicy& policy) const;
  // The targets that there are now, empty places aside, by number: for whoever goes through them
  // bit by bit.
  std::vector<cache::ObjectId> TargetIds(const CompiledPolicy& policy) const;
  // What of such a target is there now; null when it is gone, even if its number is not.
  document::DocumentPtr TargetAt(const CompiledPolicy& policy, cache::ObjectId id) const;
  // Whether what the policy reads is not older than a write to an object that was answered with
  // this version. An object that it does not see has nothing to wait for.
  bool HasSeen(const CompiledPolicy& policy, const crds::ObjectReference& written,
               std::string_view resource_version) const;
  // Whether everything that the policy reads has reached a version of the whole cluster.
  bool HasSeenAll(const CompiledPolicy& policy, std::string_view resource_version) const;
  document::Projection::Ptr TargetProjection(const CompiledPolicy& policy) const;
  document::Projection::Ptr RelatedProjection(const CompiledPolicy& policy, size_t join) const;
  std::optional<kube::Resource> Find(const kube::GroupVersionKind& kind) const;

  // The surroundings of a policy's targets, as the caches have them.
  const Surroundings& Around(const CompiledPolicy& policy) const;
  EventLog& event_log() { return event_log_; }
  signals::Past& past() { return past_; }

  // Own kinds. Synced: all objects of a complete list have been handed to OnOwnObject.
  bool OwnSynced(const kube::Resource& resource) const;
  bool OwnHasSeen(const kube::Resource& resource, std::string_view version) const;
  void ForEachOwn(const kube::Resource& resource,
                  absl::FunctionRef<void(const document::DocumentPtr&)> visit) const;
  const cache::InformerSet& informers() const { return informers_; }
  const cache::RelationSet& relations() const { return relations_; }

 private:
  struct Served;
  struct Views;
  struct ExtraWatch {
    Extra extra;
    Status missing;
    cache::Need need;
  };
  struct JoinUse {
    const CompiledPolicy* policy;
    size_t join;
  };
  struct EventWatch {
    cache::WatchSpec spec;
    std::unique_ptr<cache::EventStream> stream;
  };

  void OnChange(const cache::Informer& informer, cache::ObjectId id,
                const document::DocumentPtr& before, const document::DocumentPtr& after) override;
  void OnSynced(const cache::Informer& informer) override;
  void OnProblem(const cache::Informer& informer) override;
  void OnViewsChanged() override;
  void NoteViews();
  void OnNamespace(const cache::Informer& informer, const document::DocumentPtr& before,
                   const document::DocumentPtr& after);
  // Whether the object is a target of the policy.
  static bool Selects(const Served& served, const document::Document& object);
  // The targets from which `join` leads to an object that it starts from, or to one that it gives.
  void ForEachTargetFrom(const Served& served, size_t join, const document::Document& start,
                         absl::FunctionRef<void(const document::Document&)> visit) const;
  void ForEachTargetOf(const Served& served, size_t join, const document::Document& related,
                       absl::FunctionRef<void(const document::Document&)> visit) const;
  void OnLease(const cache::Informer& informer, const document::DocumentPtr& before,
               const document::DocumentPtr& after);
  void NoteLeases();
  void NoteLeaseWatches();
  void OnEvent(const document::DocumentPtr& event);
  void Wake(const Served& served, const EventSource& source, const cache::EventFacts& event);
  void Rebuild();
  // What is watched for a policy whose kinds are known, and for no policy in particular.
  static std::vector<cache::Need> NeedsOf(const Served& served);
  std::vector<cache::Need> CommonNeeds() const;
  // watches_memory.cc: the budget of the caches.
  void NoteGrowth(size_t bytes);
  void ScheduleMemoryCheck();
  void CheckMemory();
  bool IsNarrowing() const;
  void Dismiss(Served& served, const GivingWay& gives, size_t used);
  void Readmit(const CompiledPolicyPtr& policy, absl::Time gave_way_until);
  void WatchEvents(const std::vector<cache::Need>& needs);
  void Rebind();
  void MakePlaces(Served& served);
  void WakeEmptyPlaces(const cache::Informer& informer);
  void ScheduleRebind();
  void ScheduleExpand();
  void Expand();
  const Served* Find(const CompiledPolicy& policy) const;
  // What serves it, found once for each version of the informers: evaluations ask all the time.
  const Views& ViewsOf(const Served& served) const;
  cache::Need OwnNeed(const kube::Resource& resource) const;

  const Options options_;
  runtime::Engine& engine_;
  const cache::WatchContext context_;
  WatchListener& listener_;
  std::map<kube::Resource, int> undelivered_;  // own objects on their way to the listener
  cache::ObjectTable objects_;
  cache::InformerSet informers_;
  cache::RelationSet relations_;
  Discovery discovery_;
  PolicyIndex index_;
  EventLog event_log_;
  signals::Past past_;
  std::map<const CompiledPolicy*, std::unique_ptr<Served>> served_;
  std::vector<ExtraWatch> extras_;
  std::map<cache::WatchScope, EventWatch> event_watches_;
  std::vector<const CompiledPolicy*> policies_with_places_;  // those that join anything
  // Which joins of which policies a woken relation is.
  std::map<const cache::Relation*, std::vector<JoinUse>> relation_users_;
  ParamSources params_;
  std::set<std::string, std::less<>> lease_namespaces_;  // in which policies read leases
  bool leases_unseen_ = false;  // others than before: what is there has not been looked at
  uint64_t last_view_ = 0;
  bool rebind_scheduled_ = false;
  bool expand_scheduled_ = false;
  bool extra_scheduled_ = false;
  bool baselines_wanted_ = false;
  bool memory_check_scheduled_ = false;
  bool memory_freed_ = false;     // somebody gave way since the watches were last told
  bool short_of_memory_ = false;  // and nobody can give way
  size_t grown_ = 0;              // bytes of documents since memory was last looked at
  size_t pools_ = 0;              // bytes of their pools then
  // Somebody gave way, and what this watch keeps less then will be free at the end of its list.
  std::string narrowing_;
  size_t peak_ = 0;  // when that began
  std::shared_ptr<Watches*> self_;
};

}  // namespace kr::policy
