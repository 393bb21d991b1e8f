// What Watches follows besides the objects themselves: from joined objects back to the targets, the
// Namespaces of the targets, the ConfigMaps of parameters.
#include <algorithm>
#include <string>

#include "reconcilers/policy/needs.h"
#include "reconcilers/policy/selector.h"
#include "reconcilers/policy/watches_served.h"

namespace kr::policy {

using document::DocumentPtr;

bool Watches::Selects(const Served& served, const document::Document& object) {
  return served.policy->selector.Matches(object) &&
         (!served.namespace_selector() || served.namespaces.contains(object.name_space()));
}

// A Namespace whose labels begin or cease to match takes its objects with it.
void Watches::OnNamespace(const cache::Informer& informer, const DocumentPtr& before,
                          const DocumentPtr& after) {
  const std::string name(after ? after->name() : before->name());
  for (auto& [key, served] : served_) {
    const std::optional<crds::LabelSelector>& selector = served->namespace_selector();
    if (!selector || !served->Joins(informer)) continue;
    const bool was = served->namespaces.contains(name);
    const bool is = after && LabelsMatch(*selector, *after);
    if (was == is) continue;
    if (is) {
      served->namespaces.insert(name);
    } else {
      served->namespaces.erase(name);
    }
    ViewsOf(*served).targets.ForEach([&](cache::ObjectId, const DocumentPtr& object) {
      if (object->name_space() != name || !served->policy->selector.Matches(*object)) return;
      listener_.OnTarget(*served->policy, *object, was, is);
    });
  }
}

void Watches::ForEachTargetFrom(const Served& served, size_t join, const document::Document& start,
                                absl::FunctionRef<void(const document::Document&)> visit) const {
  if (const std::optional<size_t>& of = served.policy->related[join].of) {
    ForEachTargetOf(served, *of, start, visit);
  } else if (Selects(served, start)) {
    visit(start);
  }
}

void Watches::ForEachTargetOf(const Served& served, size_t join, const document::Document& related,
                              absl::FunctionRef<void(const document::Document&)> visit) const {
  for (const cache::ObjectId id : served.relations[join]->TargetsOf(related)) {
    const DocumentPtr start = objects_.Get(id);
    if (start) ForEachTargetFrom(served, join, *start, visit);
  }
}

StatusOr<std::map<std::string, std::string>> Watches::Texts(const crds::ParamRef& ref) const {
  const std::string object = "ConfigMap " + ref.name_space + "/" + ref.name;
  const auto source = params_.find({ref.name_space, ref.name});
  if (source == params_.end()) return Unavailable(object + " has not been read yet");
  const cache::View view = informers_.Find(ParamNeed(*source));
  if (!view.ready()) {
    const Status problem = view.problem();
    if (problem.ok() || absl::IsNotFound(problem)) {
      return Unavailable(object + " has not been read yet");
    }
    return Annotate(problem, object);
  }
  const DocumentPtr config = view.Find(ref.name_space, ref.name);
  if (!config) return NotFound(object + " does not exist");
  std::map<std::string, std::string> texts;
  for (const std::string& name : source->second) {
    const document::Node text = config->At("data").Field(name);
    if (text.is_string()) texts[name] = text.StringOr("");
  }
  return texts;
}

}  // namespace kr::policy
