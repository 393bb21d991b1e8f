#include "crds/meta/label_selector.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kr::crds {
namespace {

bool Meets(const LabelSelector::Requirement& requirement, std::optional<std::string_view> value) {
  const auto listed = [&] {
    return std::find(requirement.values.begin(), requirement.values.end(), *value) !=
           requirement.values.end();
  };
  switch (requirement.op) {
    case LabelSelector::Operator::kIn:
      return value.has_value() && listed();
    case LabelSelector::Operator::kNotIn:  // also without the label, as in Kubernetes
      return !value.has_value() || !listed();
    case LabelSelector::Operator::kExists:
      return value.has_value();
    case LabelSelector::Operator::kDoesNotExist:
      return !value.has_value();
  }
  return false;
}

std::string ToText(const LabelSelector::Requirement& requirement) {
  switch (requirement.op) {
    case LabelSelector::Operator::kIn:
      return absl::StrCat(requirement.key, " in (", absl::StrJoin(requirement.values, ","), ")");
    case LabelSelector::Operator::kNotIn:
      return absl::StrCat(requirement.key, " notin (", absl::StrJoin(requirement.values, ","), ")");
    case LabelSelector::Operator::kExists:
      return requirement.key;
    case LabelSelector::Operator::kDoesNotExist:
      return absl::StrCat("!", requirement.key);
  }
  return "";
}

}  // namespace

bool LabelSelector::Matches(const std::map<std::string, std::string>& labels) const {
  return Matches([&](std::string_view key) -> std::optional<std::string_view> {
    auto found = labels.find(std::string(key));
    if (found == labels.end()) return std::nullopt;
    return found->second;
  });
}

bool LabelSelector::Matches(const Lookup& lookup) const {
  return std::all_of(match_labels.begin(), match_labels.end(),
                     [&](const auto& label) { return lookup(label.first) == label.second; }) &&
         std::all_of(match_expressions.begin(), match_expressions.end(),
                     [&](const Requirement& r) { return Meets(r, lookup(r.key)); });
}

std::string LabelSelector::ToString() const {
  std::vector<std::string> parts;
  parts.reserve(match_labels.size() + match_expressions.size());
  for (const auto& [key, value] : match_labels) parts.push_back(absl::StrCat(key, "=", value));
  for (const Requirement& requirement : match_expressions) parts.push_back(ToText(requirement));
  return absl::StrJoin(parts, ",");
}

}  // namespace kr::crds
