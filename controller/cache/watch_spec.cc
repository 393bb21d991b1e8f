#include "controller/cache/watch_spec.h"

namespace kr::cache {

bool WatchScope::Covers(const WatchScope& other) const {
  return resource == other.resource && (name_space.empty() || name_space == other.name_space) &&
         (field_selector.empty() || field_selector == other.field_selector) &&
         (label_selector.empty() || label_selector == other.label_selector);
}

std::string WatchScope::ToString() const {
  std::string text = resource.plural;
  if (!resource.gvk.group.empty()) text += "." + resource.gvk.group;
  if (!name_space.empty()) text += " in " + name_space;
  if (!field_selector.empty()) text += " (" + field_selector + ")";
  if (!label_selector.empty()) text += " (" + label_selector + ")";
  return text;
}

}  // namespace kr::cache
