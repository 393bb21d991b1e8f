#include "reconcilers/policy/cached_surroundings.h"

#include <utility>
#include <variant>

#include "absl/container/flat_hash_set.h"
#include "reconcilers/policy/related.h"

namespace kr::policy {
namespace {

using document::DocumentPtr;

crds::ObjectReference RefOf(const kube::GroupVersionKind& kind, const document::Document& object) {
  return {kind.ApiVersion(), kind.kind, std::string(object.name_space()),
          std::string(object.name()), std::string(object.uid())};
}

class UnservedSurroundings final : public Surroundings {
 public:
  StatusOr<std::vector<DocumentPtr>> Related(size_t, const document::Document&) const override {
    return Unavailable("the policy's kinds are not watched yet");
  }
  StatusOr<std::vector<signals::EventFacts>> Events(size_t, const document::Document&, int64_t,
                                                    absl::Time) const override {
    return Unavailable("the policy's kinds are not watched yet");
  }
};

}  // namespace

StatusOr<std::vector<DocumentPtr>> CachedSurroundings::Related(
    size_t join, const document::Document& target) const {
  const RelatedJoin& spec = policy_.related[join];
  if (!sources_.informers.Find(sources_.related[join]).ready()) {
    return Unavailable(spec.gvk.kind + " objects are not synced yet");
  }
  cache::Relation& relation = *sources_.relations[join];
  if (!spec.equals) return AsSaid(spec, relation, target);
  if (!spec.of) return relation.Lookup(target);
  KR_ASSIGN_OR_RETURN(const std::vector<DocumentPtr> starts, Related(*spec.of, target));
  KR_RETURN_IF_ERROR(CheckMax(policy_.related[*spec.of], starts.size()));
  std::vector<DocumentPtr> objects;
  absl::flat_hash_set<const document::Document*> seen;
  for (const DocumentPtr& start : starts) {
    for (DocumentPtr& object : relation.Lookup(*start)) {
      if (seen.insert(object.get()).second) objects.push_back(std::move(object));
    }
  }
  return objects;
}

StatusOr<std::vector<DocumentPtr>> CachedSurroundings::AsSaid(
    const RelatedJoin& spec, cache::Relation& relation, const document::Document& target) const {
  const cache::View targets = sources_.informers.Find(sources_.targets);
  const auto id = targets.FindId(target.name_space(), target.name());
  const DocumentPtr object = targets.Find(target.name_space(), target.name());
  if (!id || !object) return Unavailable("the target is not watched any more");
  cache::KeySink keys;
  const TargetView view(policy_, object, *this, {.now = sources_.clock.Now()});
  KR_RETURN_IF_ERROR(spec.said(view, keys));
  // From now on it is woken by what has these keys. Whatever would give it others wakes it, too:
  // the target itself and the joins that it reads.
  relation.SetTarget(*id, target.name_space(), keys);
  return relation.Lookup(target.name_space(), keys);
}

StatusOr<std::vector<signals::EventFacts>> CachedSurroundings::Events(
    size_t source, const document::Document& target, int64_t, absl::Time since) const {
  const EventSource& spec = policy_.events[source];
  const absl::Time now = sources_.clock.Now();
  std::vector<signals::EventFacts> facts;
  const auto add = [&](const crds::ObjectReference& object) -> signals::EventFacts* {
    signals::EventFacts about = sources_.events.About(policy_, spec, object, since, now);
    if (about.count == 0) return nullptr;
    facts.push_back(std::move(about));
    return &facts.back();
  };
  if (std::holds_alternative<crds::AboutTarget>(spec.spec.about)) {
    add(RefOf(policy_.target, target));
    return facts;
  }
  if (const auto* related = std::get_if<crds::AboutRelated>(&spec.spec.about)) {
    for (size_t j = 0; j < policy_.related.size(); ++j) {
      if (policy_.related[j].name != related->related) continue;
      KR_ASSIGN_OR_RETURN(std::vector<DocumentPtr> objects, Related(j, target));
      for (const DocumentPtr& object : objects) {
        signals::EventFacts* about = add(RefOf(policy_.related[j].gvk, *object));
        if (about == nullptr) continue;
        if (const auto controller = FindController(*object)) about->owner = controller->name;
        about->node = object->At("spec.nodeName").StringOr("");
      }
    }
    return facts;
  }
  for (const crds::ObjectReference& object : sources_.events.Objects(policy_, spec)) add(object);
  return facts;
}

const Surroundings& Unserved() {
  static const UnservedSurroundings unserved;
  return unserved;
}

}  // namespace kr::policy
