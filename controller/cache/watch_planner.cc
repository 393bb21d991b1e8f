#include "controller/cache/watch_planner.h"

#include <algorithm>
#include <map>
#include <utility>

#include "controller/document/path.h"

namespace kr::cache {
namespace {

using document::Path;
using document::Projection;

// Scopes of one resource with the projections that are read in them.
using Scopes = std::map<WatchScope, Projection::Ptr>;

Projection::Ptr MetadataPart(const Projection::Ptr& projection) {
  std::vector<Path> kept;
  for (const std::string& text : projection->Paths()) {
    const StatusOr<Path> path = Path::Parse(text);
    if (!path.ok()) continue;
    if (path->steps.empty()) kept.push_back({{document::Step::Field("metadata")}, path->depth});
    if (!path->steps.empty() && path->steps.front().field == "metadata") kept.push_back(*path);
  }
  return Projection::Of(kept);
}

void AddTo(Scopes& scopes, WatchScope scope, const Projection::Ptr& projection) {
  Projection::Ptr& united = scopes[std::move(scope)];
  united = united == nullptr ? projection : Unite(united, projection);
}

// Maps every scope to what `widen` makes of it.
template <typename Widen>
Scopes Widened(const Scopes& scopes, Widen widen) {
  Scopes result;
  for (const auto& [scope, projection] : scopes) AddTo(result, widen(scope), projection);
  return result;
}

// Many single objects of one namespace: the namespace.
Scopes JoinNames(const Scopes& scopes) {
  std::map<std::string, size_t> names;
  for (const auto& [scope, projection] : scopes) {
    if (!scope.field_selector.empty()) ++names[scope.name_space];
  }
  return Widened(scopes, [&](WatchScope scope) {
    if (!scope.field_selector.empty() && names[scope.name_space] > kMaxNarrowWatches) {
      scope.field_selector.clear();
      scope.label_selector.clear();
    }
    return scope;
  });
}

// What another scope delivers anyway needs no watch of its own.
Scopes DropCovered(const Scopes& scopes) {
  return Widened(scopes, [&](const WatchScope& scope) {
    const WatchScope* widest = &scope;
    for (const auto& [other, projection] : scopes) {
      if (other.Covers(*widest)) widest = &other;
    }
    return *widest;
  });
}

Scopes Simplify(const Scopes& scopes) {
  Scopes simple = DropCovered(JoinNames(scopes));
  if (simple.size() <= kMaxNarrowWatches) return simple;
  return Widened(simple, [](const WatchScope& scope) { return WatchScope{scope.resource}; });
}

}  // namespace

Projection::Ptr Unite(const Projection::Ptr& a, const Projection::Ptr& b) {
  if (a->Covers(*b)) return a;
  if (b->Covers(*a)) return b;
  std::vector<Path> paths;
  for (const Projection::Ptr& part : {a, b}) {
    for (const std::string& text : part->Paths()) {
      if (const StatusOr<Path> path = Path::Parse(text); path.ok()) paths.push_back(*path);
    }
  }
  return Projection::Of(paths);
}

std::vector<WatchScope> ScopesOf(const Need& need) {
  WatchScope scope{.resource = need.resource, .label_selector = need.label_selector};
  if (need.names.size() == 1) scope.field_selector = "metadata.name=" + need.names.front();
  if (!need.resource.namespaced || need.namespaces.empty() ||
      need.namespaces.size() > kMaxNarrowWatches) {
    return {scope};
  }
  std::vector<WatchScope> scopes;
  for (const std::string& name_space : need.namespaces) {
    scope.name_space = name_space;
    scopes.push_back(scope);
  }
  std::sort(scopes.begin(), scopes.end());
  scopes.erase(std::unique(scopes.begin(), scopes.end()), scopes.end());
  return scopes;
}

Projection::Ptr ServedProjection(const Need& need) {
  const bool restricted = kube::IsSecret(need.resource.gvk) && !need.names_secret_data;
  return restricted ? MetadataPart(need.projection) : need.projection;
}

std::vector<WatchSpec> PlanWatches(std::span<const Need> needs) {
  std::map<kube::Resource, Scopes> by_resource;
  for (const Need& need : needs) {
    const Projection::Ptr projection = ServedProjection(need);
    for (WatchScope& scope : ScopesOf(need)) {
      AddTo(by_resource[need.resource], std::move(scope), projection);
    }
  }
  std::vector<WatchSpec> plan;
  for (const auto& [resource, scopes] : by_resource) {
    for (auto& [scope, projection] : Simplify(scopes)) {
      plan.push_back({scope, projection->MetadataOnly(), projection});
    }
  }
  return plan;
}

}  // namespace kr::cache
