// What the watches have: how well a policy is served, its targets, what is around them.
#include <algorithm>
#include <utility>

#include "controller/cache/resource_version.h"
#include "reconcilers/node/resources.h"
#include "reconcilers/policy/cached_surroundings.h"
#include "reconcilers/policy/needs.h"
#include "reconcilers/policy/place.h"
#include "reconcilers/policy/watches.h"
#include "reconcilers/policy/watches_served.h"

namespace kr::policy {

using cache::Need;
using document::DocumentPtr;
using State = Watches::Readiness::State;

namespace {

Watches::Readiness WaitsFor(const cache::View& view, const kube::Resource& resource) {
  const Status problem = view.problem();
  if (absl::IsPermissionDenied(problem)) return {State::kDenied, std::string(Message(problem))};
  if (absl::IsNotFound(problem)) return {State::kInactive, std::string(Message(problem))};
  return {State::kSyncing, resource.plural + (problem.ok() ? " are being listed"
                                                           : ": " + std::string(Message(problem)))};
}

}  // namespace

Watches::ExtraView Watches::Find(const Extra& extra) const {
  for (const ExtraWatch& watch : extras_) {
    if (!(watch.extra == extra)) continue;
    if (absl::IsNotFound(watch.missing)) {
      return {{State::kInactive, std::string(Message(watch.missing))}, {}};
    }
    if (!watch.missing.ok()) return {{State::kUnknown, std::string(Message(watch.missing))}, {}};
    ExtraView found{{State::kReady, ""}, informers_.Find(watch.need)};
    if (!found.view.ready()) {
      found.readiness = WaitsFor(found.view, watch.need.resource);
    } else if (found.view.Stale(options_.stale_after)) {
      found.readiness = {State::kSyncing, "the watch of " + watch.need.resource.plural +
                                              " is listing, or without connection"};
    }
    return found;
  }
  return {{State::kSyncing, "not watched yet"}, {}};
}

Watches::Readiness Watches::ReadinessOf(const CompiledPolicy& policy) const {
  const auto it = served_.find(&policy);
  if (it == served_.end()) return {State::kSyncing, "not watched yet"};
  const Served& served = *it->second;
  if (absl::IsNotFound(served.missing) || absl::IsFailedPrecondition(served.missing)) {
    return {State::kInactive, std::string(Message(served.missing))};
  }
  if (served.dismissed) return {State::kTooLarge, served.dismissed->message};
  if (!served.missing.ok()) return {State::kUnknown, std::string(Message(served.missing))};
  if (!served.surroundings) return {State::kSyncing, "watches are being opened"};
  const Views& views = ViewsOf(served);
  if (!views.targets.ready()) return WaitsFor(views.targets, served.targets.resource);
  for (size_t i = 0; i < views.related.size(); ++i) {
    if (!views.related[i].ready()) return WaitsFor(views.related[i], served.related[i].resource);
  }
  for (const cache::View& leases : views.leases) {
    if (!leases.ready()) return WaitsFor(leases, node::LeaseResource());
  }
  if (policy.keeps_baseline && options_.baselines && !past_.baselines.complete()) {
    return WaitsFor(informers_.Find(OwnNeed(*options_.baselines)), *options_.baselines);
  }
  if (served.namespace_selector() && !views.namespaces.ready()) {
    return WaitsFor(views.namespaces, NamespaceNeed().resource);
  }
  if (policy.watches_events()) {
    for (const auto& [scope, watch] : event_watches_) {
      const Status& problem = watch.stream->reflector().status().problem;
      if (absl::IsPermissionDenied(problem)) {
        return {State::kDenied, std::string(Message(problem))};
      }
    }
  }
  return {State::kReady, "watching"};
}

uint64_t Watches::ViewOf(const CompiledPolicy& policy) const {
  const Served* served = Find(policy);
  return served == nullptr ? 0 : served->view;
}

std::optional<limits::Refusal> Watches::Stale(const CompiledPolicy& policy) const {
  const auto refuse = [&](std::string what, const Status& problem = OkStatus()) {
    if (!problem.ok()) what += ": " + std::string(Message(problem));
    return limits::Refusal{limits::Reason::kStaleView, std::move(what),
                           engine_.clock().Now() + absl::Seconds(1)};
  };
  const Served* served = Find(policy);
  const auto it = served_.find(&policy);
  if (it != served_.end() && it->second->dismissed) {
    const Served::Dismissed& dismissed = *it->second->dismissed;
    return limits::Refusal{limits::Reason::kCacheBudgetExceeded, dismissed.message,
                           dismissed.until};
  }
  if (served == nullptr || !served->surroundings) return refuse("a kind is not watched yet");
  const auto listing = [&](const kube::Resource& resource, const cache::View& view) {
    return refuse("the watch of " + resource.plural +
                      " is listing, or has been without connection for more than " +
                      absl::FormatDuration(options_.stale_after),
                  view.problem());
  };
  const Views& views = ViewsOf(*served);
  if (views.targets.Stale(options_.stale_after)) {
    return listing(served->targets.resource, views.targets);
  }
  for (size_t i = 0; i < views.related.size(); ++i) {
    if (views.related[i].Stale(options_.stale_after)) {
      return listing(served->related[i].resource, views.related[i]);
    }
  }
  for (const cache::View& leases : views.leases) {
    if (leases.Stale(options_.stale_after)) return listing(node::LeaseResource(), leases);
  }
  if (served->namespace_selector() && views.namespaces.Stale(options_.stale_after)) {
    return listing(NamespaceNeed().resource, views.namespaces);
  }
  for (const auto& [scope, watch] : event_watches_) {
    if (!policy.watches_events()) break;
    const cache::StreamStatus stream = watch.stream->reflector().status();
    if (stream.disconnected_for > options_.stale_after) {
      return refuse("the watch of Events has been without connection for too long", stream.problem);
    }
  }
  return std::nullopt;
}

DocumentPtr Watches::Target(const CompiledPolicy& policy, const kube::ObjectKey& key) const {
  const Served* served = Find(policy);
  if (served == nullptr) return {};
  const cache::View& view = ViewsOf(*served).targets;
  DocumentPtr object = view.Find(key);
  if (object) return Selects(*served, *object) ? object : DocumentPtr();
  // While a list comes in, nobody knows what is not there.
  const auto place = served->places.find(key);
  return place != served->places.end() && view.ready() ? place->second : DocumentPtr();
}

std::vector<kube::ObjectKey> Watches::EmptyPlaces(const CompiledPolicy& policy) const {
  std::vector<kube::ObjectKey> empty;
  const Served* served = Find(policy);
  if (served == nullptr || served->places.empty()) return empty;
  const cache::View& view = ViewsOf(*served).targets;
  if (!view.ready()) return empty;
  for (const auto& [key, place] : served->places) {
    if (!view.Find(key)) empty.push_back(key);
  }
  return empty;
}

std::vector<cache::ObjectId> Watches::TargetIds(const CompiledPolicy& policy) const {
  std::vector<cache::ObjectId> ids;
  const Served* served = Find(policy);
  if (served == nullptr) return ids;
  ViewsOf(*served).targets.ForEach([&](cache::ObjectId id, const DocumentPtr& object) {
    if (Selects(*served, *object)) ids.push_back(id);
  });
  return ids;
}

DocumentPtr Watches::TargetAt(const CompiledPolicy& policy, cache::ObjectId id) const {
  const Served* served = Find(policy);
  const DocumentPtr known = objects_.Get(id);
  if (served == nullptr || !known) return {};
  // By its name: the number may have been given to an object of another kind.
  DocumentPtr object = ViewsOf(*served).targets.Find(known->name_space(), known->name());
  return object && Selects(*served, *object) ? object : DocumentPtr();
}

void Watches::ForEachTarget(const CompiledPolicy& policy,
                            absl::FunctionRef<void(const DocumentPtr&)> visit) const {
  const Served* served = Find(policy);
  if (served == nullptr) return;
  ViewsOf(*served).targets.ForEach([&](cache::ObjectId, const DocumentPtr& object) {
    if (Selects(*served, *object)) visit(object);
  });
  for (const kube::ObjectKey& key : EmptyPlaces(policy)) visit(served->places.at(key));
}

bool Watches::HasSeen(const CompiledPolicy& policy, const crds::ObjectReference& written,
                      std::string_view resource_version) const {
  const Served* served = Find(policy);
  if (served == nullptr) return false;
  const auto gvk = kube::GroupVersionKind::FromApiVersion(written.api_version, written.kind);
  const Views& views = ViewsOf(*served);
  for (size_t j = 0; j < views.related.size(); ++j) {
    if (policy.related[j].gvk != gvk) continue;
    const DocumentPtr object = views.related[j].Find(written.name_space, written.name);
    // One that was just made comes in time only if the join looks at all of them.
    const bool shows = object || (policy.related[j].names.empty() && !policy.related[j].selector);
    const auto order = cache::CompareResourceVersions(
        object ? object->resource_version() : std::string_view(), resource_version);
    const bool newer = order && *order >= 0;
    if (shows && !newer && !views.related[j].HasSeen(written.name_space, resource_version)) {
      return false;
    }
  }
  return policy.target != gvk || views.targets.HasSeen(written.name_space, resource_version);
}

bool Watches::HasSeenAll(const CompiledPolicy& policy, std::string_view resource_version) const {
  const Served* served = Find(policy);
  if (served == nullptr) return false;
  const Views& views = ViewsOf(*served);
  return views.targets.HasSeen(resource_version) &&
         std::all_of(views.related.begin(), views.related.end(),
                     [&](const cache::View& view) { return view.HasSeen(resource_version); }) &&
         (!served->namespace_selector() || views.namespaces.HasSeen(resource_version));
}

document::Projection::Ptr Watches::TargetProjection(const CompiledPolicy& policy) const {
  const Served* served = Find(policy);
  if (served != nullptr) {
    // The cache may keep more than this policy asked for; the two are compared as a whole.
    const cache::View& view = ViewsOf(*served).targets;
    if (view.informers().size() == 1) return view.informers()[0]->spec().projection;
  }
  return document::Projection::Of(policy.target_reads.paths);
}

document::Projection::Ptr Watches::RelatedProjection(const CompiledPolicy& policy,
                                                     size_t join) const {
  return document::Projection::Of(policy.related_reads[join].paths);
}

std::optional<kube::Resource> Watches::Find(const kube::GroupVersionKind& kind) const {
  const kube::RestMapper::Result result = discovery_.Find(kind);
  if (result.state != kube::RestMapper::State::kFound) return std::nullopt;
  return result.resource;
}

const Surroundings& Watches::Around(const CompiledPolicy& policy) const {
  const Served* served = Find(policy);
  if (served == nullptr || !served->surroundings) return Unserved();
  return *served->surroundings;
}

bool Watches::OwnSynced(const kube::Resource& resource) const {
  const auto undelivered = undelivered_.find(resource);
  return informers_.Find(OwnNeed(resource)).ready() &&
         (undelivered == undelivered_.end() || undelivered->second == 0);
}

bool Watches::OwnHasSeen(const kube::Resource& resource, std::string_view version) const {
  return informers_.Find(OwnNeed(resource)).HasSeen(version);
}

void Watches::ForEachOwn(const kube::Resource& resource,
                         absl::FunctionRef<void(const DocumentPtr&)> visit) const {
  informers_.Find(OwnNeed(resource)).ForEach([&](cache::ObjectId, const DocumentPtr& object) {
    visit(object);
  });
}

}  // namespace kr::policy
