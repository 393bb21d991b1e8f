#pragma once

#include <vector>

#include "controller/cache/informer_set.h"
#include "controller/cache/relation_set.h"
#include "reconcilers/policy/event_log.h"
#include "reconcilers/policy/target_view.h"

namespace kr::policy {

// What lies around a policy's targets, from the caches.
class CachedSurroundings final : public Surroundings {
 public:
  struct Sources {
    cache::Need targets;
    std::vector<cache::Need> related;
    std::vector<cache::RelationHandle> relations;
    const cache::InformerSet& informers;
    const EventLog& events;
    const signals::Past& past;
    const Clock& clock;
  };

  // `policy` must outlive it.
  CachedSurroundings(const CompiledPolicy& policy, Sources sources)
      : policy_(policy), sources_(std::move(sources)) {}

  StatusOr<std::vector<document::DocumentPtr>> Related(
      size_t join, const document::Document& target) const override;
  StatusOr<std::vector<signals::EventFacts>> Events(size_t source, const document::Document& target,
                                                    int64_t enough,
                                                    absl::Time since) const override;
  const signals::Past& Past() const override { return sources_.past; }

 private:
  // A join whose keys only the target's other joins give.
  StatusOr<std::vector<document::DocumentPtr>> AsSaid(const RelatedJoin& spec,
                                                      cache::Relation& relation,
                                                      const document::Document& target) const;

  const CompiledPolicy& policy_;
  Sources sources_;
};

// Around a policy that is not served: everything is unknown.
const Surroundings& Unserved();

}  // namespace kr::policy
