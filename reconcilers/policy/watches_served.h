#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "reconcilers/policy/cached_surroundings.h"
#include "reconcilers/policy/watches.h"

// What Watches keeps for each policy. Internal to it.
namespace kr::policy {

// The informers' answers to the needs of a policy.
struct Watches::Views {
  std::optional<uint64_t> version;  // of the informers
  cache::View targets;
  std::vector<cache::View> related;
  std::vector<cache::View> leases;
  cache::View namespaces;  // only with a namespaceSelector
};

// A policy with its kinds found.
struct Watches::Served {
  CompiledPolicyPtr policy;
  Status missing;  // NotFound or Unavailable: a kind could not be found
  cache::Need targets;
  std::vector<cache::Need> related;
  std::vector<cache::RelationHandle> relations;
  std::vector<cache::Need> leases;  // parallel to policy->leases
  // Those that target.namespaceSelector selects.
  std::set<std::string, std::less<>> namespaces;
  std::unique_ptr<CachedSurroundings> surroundings;
  // Where an object should be, whether one is there or not.
  std::map<kube::ObjectKey, document::DocumentPtr> places;
  mutable Views views;
  // Whose objects it sees: of its targets, and of everything else.
  std::vector<const cache::Informer*> target_informers, related_informers;
  uint64_t view = 0;
  // It gave way: its needs take no part until it is tried again.
  struct Dismissed {
    std::string message;
    absl::Time until;
  };
  std::optional<Dismissed> dismissed;
  absl::Duration pause;  // until the next trial, should it give way (again)
  absl::Time since;      // it asks for what it asks for

  const std::optional<crds::LabelSelector>& namespace_selector() const {
    return policy->spec.target.namespace_selector;
  }
  bool Sees(const cache::Informer& informer) const {
    return std::find(target_informers.begin(), target_informers.end(), &informer) !=
           target_informers.end();
  }
  bool Joins(const cache::Informer& informer) const {
    return std::find(related_informers.begin(), related_informers.end(), &informer) !=
           related_informers.end();
  }
};

}  // namespace kr::policy
