#include "reconcilers/policy/selector.h"

#include <optional>
#include <string_view>

namespace kr::policy {

using document::Document;
using document::Node;

bool LabelsMatch(const crds::LabelSelector& selector, const Document& object) {
  const Node labels = object.At("metadata.labels");
  // The selector compares a value at once, so one scratch string serves all lookups.
  std::string scratch;
  return selector.Matches([&](std::string_view key) -> std::optional<std::string_view> {
    const Node value = labels.Field(key);
    if (!value.is_string()) return std::nullopt;
    return value.AsString(scratch);
  });
}

Selector::Selector(const crds::Target& target)
    : names_(target.names.begin(), target.names.end()),
      namespaces_(target.namespaces.begin(), target.namespaces.end()),
      selector_(target.selector),
      exclude_(target.exclude_selector) {}

bool Selector::Matches(const Document& object) const {
  if (!names_.empty() && !names_.contains(object.name())) return false;
  if (!namespaces_.empty() && !namespaces_.contains(object.name_space())) return false;
  if (selector_ && !LabelsMatch(*selector_, object)) return false;
  return !exclude_ || !LabelsMatch(*exclude_, object);
}

std::vector<document::Path> Selector::Paths() const {
  if (!selector_ && !exclude_) return {};
  return {{{document::Step::Field("metadata"), document::Step::Field("labels")},
           document::Depth::kValue}};
}

}  // namespace kr::policy
