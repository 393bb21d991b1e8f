#include "reconcilers/policy/watches.h"

#include <algorithm>
#include <utility>

#include "controller/base/log.h"
#include "controller/cache/event_facts.h"
#include "reconcilers/node/resources.h"
#include "reconcilers/policy/cached_surroundings.h"
#include "reconcilers/policy/needs.h"
#include "reconcilers/policy/place.h"
#include "reconcilers/policy/watches_served.h"

namespace kr::policy {

using cache::Need;
using document::DocumentPtr;

namespace {

// Woken targets that are handed on before the engine looks at its other inputs again.
constexpr size_t kSlice = 200;

// The API server does not know what is watched.
bool Missing(const cache::Informer& informer) {
  return absl::IsNotFound(informer.reflector().status().problem);
}

}  // namespace

Watches::Watches(Options options, runtime::Engine& engine, runtime::ApiSender& api,
                 const cache::WatchContext& context, WatchListener& listener)
    : options_(std::move(options)),
      engine_(engine),
      context_(context),
      listener_(listener),
      informers_(options_.informers, context, objects_, *this),
      relations_(objects_, informers_),
      discovery_(engine, api, [this] { Rebuild(); }),
      event_log_(engine.clock().Now()),
      self_(std::make_shared<Watches*>(this)) {
  past_.leases.Use(context_.clock);
  past_.onlooker = options_.onlooker;
  Rebuild();
}

Watches::~Watches() = default;

Need Watches::OwnNeed(const kube::Resource& resource) const {
  return {.resource = resource, .projection = document::Projection::Everything()};
}

void Watches::Serve(std::vector<CompiledPolicyPtr> policies, ParamSources params) {
  params_ = std::move(params);
  std::map<const CompiledPolicy*, std::unique_ptr<Served>> next;
  for (CompiledPolicyPtr& policy : policies) {
    auto known = served_.find(policy.get());
    if (known != served_.end()) {
      next[policy.get()] = std::move(known->second);
      served_.erase(known);
      continue;
    }
    index_.Add(policy.get());
    auto served = std::make_unique<Served>();
    // An edit asks anew; of the others the server knows since when they ask.
    const bool edited = std::any_of(served_.begin(), served_.end(), [&](const auto& entry) {
      return entry.first->id == policy->id && entry.first->generation != policy->generation;
    });
    served->since = edited ? engine_.clock().Now() : policy->created;
    served->policy = std::move(policy);
    next[served->policy.get()] = std::move(served);
  }
  for (const auto& [policy, served] : served_) index_.Remove(policy);
  const bool some_left = std::any_of(served_.begin(), served_.end(), [&](const auto& entry) {
    return std::none_of(next.begin(), next.end(),
                        [&](const auto& other) { return other.first->id == entry.first->id; });
  });
  served_ = std::move(next);
  if (some_left) {  // what they leave may be enough for others
    for (auto& [key, served] : served_) served->dismissed.reset();
  }
  past_.numbers.Keep([this](const std::string& number) {
    return std::any_of(served_.begin(), served_.end(), [&](const auto& entry) {
      return number.starts_with(entry.first->id + "\n");
    });
  });
  Rebuild();
}

void Watches::WatchAlso(std::vector<Extra> extras) {
  const bool same = std::equal(extras.begin(), extras.end(), extras_.begin(), extras_.end(),
                               [](const Extra& a, const ExtraWatch& b) { return a == b.extra; });
  if (same) return;
  extras_.clear();
  for (Extra& extra : extras) extras_.push_back({.extra = std::move(extra)});
  Rebuild();
}

void Watches::Rebuild() {
  std::vector<Need> needs, event_needs;
  relation_users_.clear();
  policies_with_places_.clear();
  short_of_memory_ = false;
  bool keeps_baseline = false;
  for (auto& [key, served] : served_) {
    const CompiledPolicy& policy = *served->policy;
    served->missing = OkStatus();
    served->views.version.reset();  // the needs may be others
    if (served->dismissed) {
      served->missing = ResourceExhausted(served->dismissed->message);
      continue;
    }
    std::vector<kube::Resource> found;
    const auto want = [&](const kube::GroupVersionKind& kind) {
      const kube::RestMapper::Result result = discovery_.Want(kind);
      if (result.state == kube::RestMapper::State::kFound) return found.push_back(result.resource);
      served->missing = result.state == kube::RestMapper::State::kAbsent
                            ? NotFound(Message(result.reason))
                            : Unavailable(Message(result.reason));
    };
    want(policy.target);
    for (const RelatedJoin& join : policy.related) want(join.gvk);
    // Where the objects of steps live is asked in time; without an answer only the step waits.
    for (const kube::GroupVersionKind& kind : KindsOfSteps(policy)) discovery_.Want(kind);
    if (served->missing.ok() && served->namespace_selector() && !found[0].namespaced) {
      served->missing = FailedPrecondition("spec.target.namespaceSelector: " + policy.target.kind +
                                           " objects are in no namespace");
    }
    if (!served->missing.ok()) continue;
    if (policy.has_places && found[0].namespaced == policy.spec.target.namespaces.empty()) {
      served->missing = NotFound(PlacesProblem(policy.target.kind, found[0].namespaced));
      continue;
    }
    MakePlaces(*served);
    served->targets = TargetNeed(policy, found[0]);
    served->related.clear();
    std::vector<cache::RelationHandle> relations;
    for (size_t j = 0; j < policy.related.size(); ++j) {
      served->related.push_back(RelatedNeed(policy, j, found[j + 1]));
      const std::optional<size_t>& of = policy.related[j].of;
      const Need& start = of ? served->related[*of] : served->targets;
      relations.push_back(relations_.Get(RelationOf(policy, j, start, served->related[j])));
      relation_users_[relations.back().get()].push_back({&policy, j});
    }
    served->relations = std::move(relations);
    if (policy.has_places && !policy.related.empty()) policies_with_places_.push_back(&policy);
    served->leases.clear();
    for (const signals::LeaseRead& lease : policy.leases) {
      served->leases.push_back(LeaseNeed(policy, lease));
    }
    for (Need& need : NeedsOf(*served)) needs.push_back(std::move(need));
    if (policy.watches_events()) event_needs.push_back(EventNeed(policy));
    keeps_baseline = keeps_baseline || policy.keeps_baseline;
  }
  baselines_wanted_ = keeps_baseline && options_.baselines;
  if (!baselines_wanted_) past_.baselines = {};
  for (ExtraWatch& watch : extras_) {
    const kube::RestMapper::Result result = discovery_.Want(watch.extra.gvk);
    watch.missing = OkStatus();
    if (result.state != kube::RestMapper::State::kFound) {
      watch.missing = result.state == kube::RestMapper::State::kAbsent
                          ? NotFound(Message(result.reason))
                          : Unavailable(Message(result.reason));
      continue;
    }
    watch.need = {.resource = result.resource,
                  .namespaces = result.resource.namespaced ? watch.extra.namespaces
                                                           : std::vector<std::string>(),
                  .names = watch.extra.names,
                  .label_selector = watch.extra.label_selector,
                  .projection = document::Projection::Of(watch.extra.paths)};
  }
  for (Need& need : CommonNeeds()) needs.push_back(std::move(need));
  NoteLeases();
  if (std::exchange(memory_freed_, false)) {
    informers_.ApplyAtOnce(needs);
  } else {
    informers_.Apply(needs);
  }
  informers_.ForEach([&](const cache::Informer& informer) {
    if (Missing(informer)) discovery_.RecheckLater(informer.spec().scope.resource.gvk);
  });
  WatchEvents(event_needs);
  ScheduleRebind();
}

std::vector<Need> Watches::NeedsOf(const Served& served) {
  std::vector<Need> needs{served.targets};
  needs.insert(needs.end(), served.related.begin(), served.related.end());
  needs.insert(needs.end(), served.leases.begin(), served.leases.end());
  if (served.namespace_selector()) needs.push_back(NamespaceNeed());
  return needs;
}

std::vector<Need> Watches::CommonNeeds() const {
  std::vector<Need> needs;
  for (const kube::Resource& resource : options_.own) needs.push_back(OwnNeed(resource));
  if (baselines_wanted_) needs.push_back(OwnNeed(*options_.baselines));
  for (const ExtraWatch& watch : extras_) {
    if (watch.missing.ok()) needs.push_back(watch.need);
  }
  for (const auto& source : params_) needs.push_back(ParamNeed(source));
  return needs;
}

void Watches::MakePlaces(Served& served) {
  const crds::Target& target = served.policy->spec.target;
  if (!served.policy->has_places || !served.places.empty()) return;
  std::vector<std::string> namespaces = target.namespaces;
  if (namespaces.empty()) namespaces.emplace_back();
  for (const std::string& name_space : namespaces) {
    for (const std::string& name : target.names) {
      const kube::ObjectKey key{name_space, name};
      served.places[key] = MakePlace(context_.decoder, key);
    }
  }
}

void Watches::WatchEvents(const std::vector<Need>& needs) {
  std::map<cache::WatchScope, EventWatch> next;
  for (cache::WatchSpec& spec : cache::PlanWatches(needs)) {
    auto known = event_watches_.find(spec.scope);
    if (known != event_watches_.end()) {
      next[spec.scope] = std::move(known->second);
      continue;
    }
    EventWatch watch{.spec = spec};
    watch.stream = std::make_unique<cache::EventStream>(
        spec, options_.informers.watch, context_,
        [this](cache::EventStream::Change change, const DocumentPtr& event) {
          if (change == cache::EventStream::Change::kUpserted) OnEvent(event);
        },
        // Events have no list whose end would say that they may be read (again).
        [this] { ScheduleRebind(); });
    watch.stream->Start();
    next[spec.scope] = std::move(watch);
  }
  event_watches_ = std::move(next);
}

void Watches::ScheduleRebind() {
  if (rebind_scheduled_) return;
  rebind_scheduled_ = true;
  engine_.After(absl::ZeroDuration(), [weak = std::weak_ptr(self_)] {
    if (auto self = weak.lock()) (*self)->Rebind();
  });
}

void Watches::Rebind() {
  rebind_scheduled_ = false;
  relations_.Rebind();
  NoteViews();
  // Those of the first list have been handed on before.
  if (options_.baselines && OwnSynced(*options_.baselines)) past_.baselines.SetComplete();
  for (auto& [key, served] : served_) {
    if (!served->missing.ok()) {
      served->surroundings.reset();
      if (served->dismissed) served->relations.clear();  // their indexes are memory, too
      continue;
    }
    CachedSurroundings::Sources sources{.targets = served->targets,
                                        .related = served->related,
                                        .relations = served->relations,
                                        .informers = informers_,
                                        .events = event_log_,
                                        .past = past_,
                                        .clock = engine_.clock()};
    served->surroundings =
        std::make_unique<CachedSurroundings>(*served->policy, std::move(sources));
  }
  listener_.OnRebound();
  ScheduleExpand();
}

void Watches::OnSynced(const cache::Informer& informer) {
  if (informer.spec().scope.ToString() == narrowing_) narrowing_.clear();
  ScheduleMemoryCheck();
  ScheduleRebind();
}

void Watches::OnProblem(const cache::Informer& informer) {
  // A kind that lived there may live elsewhere by now, or nowhere.
  if (Missing(informer)) discovery_.Recheck(informer.spec().scope.resource.gvk);
}

void Watches::OnViewsChanged() {
  // At once: an informer that serves no more is gone after this call.
  relations_.Rebind();
  NoteViews();
  ScheduleRebind();
}

void Watches::NoteViews() {
  for (auto& [key, served] : served_) {
    std::vector<const cache::Informer*> targets, related;
    if (served->missing.ok()) {
      const Views& views = ViewsOf(*served);
      targets = views.targets.informers();
      for (const cache::View& view : views.related) {
        related.insert(related.end(), view.informers().begin(), view.informers().end());
      }
      const auto& namespaces = views.namespaces.informers();
      related.insert(related.end(), namespaces.begin(), namespaces.end());
    }
    if (targets == served->target_informers && related == served->related_informers) continue;
    if (targets != served->target_informers) {
      // Other informers, other numbers; all targets are evaluated again.
      for (const cache::RelationHandle& relation : served->relations) relation->ClearTargets();
    }
    served->namespaces.clear();
    if (served->missing.ok() && served->namespace_selector()) {
      ViewsOf(*served).namespaces.ForEach([&](cache::ObjectId, const DocumentPtr& object) {
        if (LabelsMatch(*served->namespace_selector(), *object)) {
          served->namespaces.emplace(object->name());
        }
      });
    }
    served->target_informers = std::move(targets);
    served->related_informers = std::move(related);
    served->view = ++last_view_;
  }
  NoteLeaseWatches();
}

void Watches::OnChange(const cache::Informer& informer, cache::ObjectId id,
                       const DocumentPtr& before, const DocumentPtr& after) {
  relations_.OnChange(informer, id, before, after);
  if (after) NoteGrowth(after->bytes());
  if (!after) past_.numbers.Forget(before->uid());
  const kube::Resource& resource = informer.spec().scope.resource;
  if (resource == options_.baselines ||
      std::find(options_.own.begin(), options_.own.end(), resource) != options_.own.end()) {
    // Also while the first list comes in: whoever cares asks OwnSynced.
    ++undelivered_[resource];
    engine_.After(absl::ZeroDuration(), [weak = std::weak_ptr(self_), resource, before, after] {
      auto self = weak.lock();
      if (!self) return;
      --(*self)->undelivered_[resource];
      (*self)->listener_.OnOwnObject(resource, before, after);
    });
  }
  bool extra = false, each = false;
  for (const ExtraWatch& watch : extras_) {
    if (!watch.missing.ok() || watch.need.resource != resource) continue;
    // Of the leases of nodes there are a hundred renewals a second.
    const std::vector<std::string>& in = watch.need.namespaces;
    if (!in.empty() &&
        std::find(in.begin(), in.end(), (after ? after : before)->name_space()) == in.end()) {
      continue;
    }
    extra = extra || !watch.extra.each;
    each = each || watch.extra.each;
  }
  if (each) {
    const document::Document& told = after ? *after : *before;
    engine_.After(absl::ZeroDuration(), [weak = std::weak_ptr(self_), gvk = resource.gvk,
                                         key = kube::ObjectKey{std::string(told.name_space()),
                                                               std::string(told.name())}] {
      if (auto self = weak.lock()) (*self)->listener_.OnExtraObject(gvk, key);
    });
  }
  if (extra && !std::exchange(extra_scheduled_, true)) {
    engine_.After(absl::ZeroDuration(), [weak = std::weak_ptr(self_)] {
      auto self = weak.lock();
      if (!self) return;
      (*self)->extra_scheduled_ = false;
      (*self)->listener_.OnExtra();
    });
  }
  if (resource.gvk == node::LeaseResource().gvk) OnLease(informer, before, after);
  if (resource == NamespaceNeed().resource) OnNamespace(informer, before, after);
  const document::Document& object = after ? *after : *before;
  const bool is_config = resource.gvk == kube::GroupVersionKind{"", "v1", "ConfigMap"};
  if (is_config &&
      params_.contains({std::string(object.name_space()), std::string(object.name())})) {
    engine_.After(absl::ZeroDuration(), [weak = std::weak_ptr(self_)] {
      if (auto self = weak.lock()) (*self)->listener_.OnParams();
    });
  }
  index_.ForEachTarget(resource.gvk, before.get(), after.get(), [&](const CompiledPolicy& policy) {
    // The same object may come by several watches, and be newer in one than in the other.
    const Served* served = Find(policy);
    if (served == nullptr || !served->Sees(informer)) return;
    // A place is a target, whether an object is there or not.
    const bool place = !served->places.empty();
    const bool was = place || (before && Selects(*served, *before));
    const bool is = place || (after && Selects(*served, *after));
    if (place && !policy.selector.Matches(object)) return;
    for (size_t j = 0; !after && j < policy.related.size(); ++j) {
      if (!policy.related[j].equals) served->relations[j]->SetTarget(id, "", {});
    }
    if (was || is) listener_.OnTarget(policy, object, was, is);
  });
  WakeEmptyPlaces(informer);
  ScheduleExpand();
}

void Watches::WakeEmptyPlaces(const cache::Informer& informer) {
  // No index knows what is not there; they are few.
  for (const CompiledPolicy* policy : policies_with_places_) {
    const Served* served = Find(*policy);
    if (served == nullptr || !served->Joins(informer)) continue;
    for (const kube::ObjectKey& key : EmptyPlaces(*policy)) {
      listener_.OnSurroundings(*policy, *served->places.at(key));
    }
  }
}

void Watches::ScheduleExpand() {
  if (expand_scheduled_ || !relations_.woken()) return;
  expand_scheduled_ = true;
  engine_.After(absl::ZeroDuration(), [weak = std::weak_ptr(self_)] {
    if (auto self = weak.lock()) (*self)->Expand();
  });
}

void Watches::Expand() {
  expand_scheduled_ = false;
  relations_.Expand(kSlice, [&](const cache::Relation& relation, cache::ObjectId id) {
    const DocumentPtr start = objects_.Get(id);
    if (!start) return;
    const auto users = relation_users_.find(&relation);
    if (users == relation_users_.end()) return;
    for (const JoinUse& use : users->second) {
      const Served* served = Find(*use.policy);
      if (served == nullptr) continue;
      ForEachTargetFrom(*served, use.join, *start, [&](const document::Document& target) {
        listener_.OnSurroundings(*use.policy, target);
      });
    }
  });
  ScheduleExpand();
}

void Watches::OnEvent(const DocumentPtr& event) {
  const cache::EventFacts facts = cache::FactsOf(*event);
  index_.ForEachSource(facts, [&](const CompiledPolicy& policy, const EventSource& source) {
    if (!event_log_.Add(policy, source, facts, engine_.clock().Now())) return;
    if (const Served* served = Find(policy)) Wake(*served, source, facts);
  });
}

void Watches::Wake(const Served& served, const EventSource& source,
                   const cache::EventFacts& event) {
  const CompiledPolicy& policy = *served.policy;
  const kube::ObjectKey about{event.about_namespace, event.about_name};
  if (std::holds_alternative<crds::AboutTarget>(source.spec.about)) {
    const DocumentPtr target = Target(policy, about);
    if (target) listener_.OnSurroundings(policy, *target);
    return;
  }
  const auto* related = std::get_if<crds::AboutRelated>(&source.spec.about);
  if (related == nullptr) {  // any object of a kind: all targets count it
    ForEachTarget(policy,
                  [&](const DocumentPtr& target) { listener_.OnSurroundings(policy, *target); });
    return;
  }
  for (size_t j = 0; j < policy.related.size(); ++j) {
    if (policy.related[j].name != related->related || j >= served.relations.size()) continue;
    const DocumentPtr object = informers_.Find(served.related[j]).Find(about);
    if (!object) continue;  // it wakes its targets when it comes
    ForEachTargetOf(served, j, *object, [&](const document::Document& target) {
      listener_.OnSurroundings(policy, target);
    });
  }
}

const Watches::Served* Watches::Find(const CompiledPolicy& policy) const {
  const auto it = served_.find(&policy);
  return it == served_.end() || !it->second->missing.ok() ? nullptr : it->second.get();
}

const Watches::Views& Watches::ViewsOf(const Served& served) const {
  Views& views = served.views;
  if (views.version == informers_.version()) return views;
  views.version = informers_.version();
  views.targets = informers_.Find(served.targets);
  views.related.clear();
  for (const Need& need : served.related) views.related.push_back(informers_.Find(need));
  views.leases.clear();
  for (const Need& need : served.leases) views.leases.push_back(informers_.Find(need));
  if (served.namespace_selector()) views.namespaces = informers_.Find(NamespaceNeed());
  return views;
}

}  // namespace kr::policy
