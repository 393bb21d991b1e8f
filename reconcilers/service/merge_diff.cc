#include "reconcilers/service/merge_diff.h"

namespace kr::service {

using nlohmann::json;

json MergeDiff(const json& from, const json& to) {
  json patch = json::object();
  for (const auto& [field, value] : to.items()) {
    const auto before = from.find(field);
    if (before == from.end()) {
      patch[field] = value;
    } else if (value.is_object() && before->is_object()) {
      json inner = MergeDiff(*before, value);
      if (!inner.empty()) patch[field] = std::move(inner);
    } else if (value != *before) {
      patch[field] = value;
    }
  }
  for (const auto& [field, value] : from.items()) {
    if (!to.contains(field)) patch[field] = nullptr;
  }
  return patch;
}

}  // namespace kr::service
