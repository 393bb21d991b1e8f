#include "reconcilers/policy/cached_surroundings.h"

#include <utility>
#include <variant>

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
  if (!sources_.informers.Find(sources_.related[join]).ready()) {
    return Unavailable(policy_.related[join].gvk.kind + " objects are not synced yet");
  }
  return sources_.relations[join].relation->Lookup(target);
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
