#include <array>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crds/meta/text.h"
#include "crds/v1alpha1/validate_parts.h"
#include "crds/v1alpha1/validate_step.h"

namespace kr::crds {

void ValidateSelector(const std::optional<LabelSelector>& selector, const FieldPath& path,
                      Problems& problems) {
  if (!selector) return;
  const FieldPath expressions = path["matchExpressions"];
  for (size_t i = 0; i < selector->match_expressions.size(); ++i) {
    const LabelSelector::Requirement& requirement = selector->match_expressions[i];
    const bool takes_values = requirement.op == LabelSelector::Operator::kIn ||
                              requirement.op == LabelSelector::Operator::kNotIn;
    if (takes_values != requirement.values.empty()) continue;
    const FieldPath element = expressions[i];
    problems.Add(element["values"], takes_values ? "is required with operator In or NotIn"
                                                 : "must be empty with operator Exists or "
                                                   "DoesNotExist");
  }
}

namespace {

void ValidatePreset(const Related& join, const FieldPath& path, Problems& problems) {
  const bool names_kind = join.preset == RelatedPreset::kTopOwner;
  const std::array<std::pair<std::string_view, bool>, 8> given = {{
      {"apiVersion", !names_kind && !join.api_version.empty()},
      {"kind", !names_kind && !join.kind.empty()},
      {"sameNamespace", join.same_namespace},
      {"namespace", !join.name_space.empty()},
      {"key", !join.key.empty()},
      {"equals", !join.equals.empty()},
      {"labels", !join.labels.empty()},
      {"selectedBy", !join.selected_by.empty()},
  }};
  for (const auto& [field, is_given] : given) {
    if (is_given)
      problems.Add(path, absl::StrCat("preset and ", ToAbsl(field), " exclude each other"));
  }
  if (!names_kind) return;
  if (join.api_version.empty() || join.kind.empty()) {
    problems.Add(path[join.kind.empty() ? "kind" : "apiVersion"],
                 "is required: TopOwner finds the owners of one kind, such as apps/v1 Deployment");
  }
}

void ValidateGeneral(const Related& join, const FieldPath& path, Problems& problems) {
  if (join.api_version.empty() && join.kind.empty()) {
    problems.Add(path, "expected a preset, or the apiVersion and kind of the objects to join");
    return;
  }
  if (join.api_version.empty()) problems.Add(path["apiVersion"], "is required with kind");
  if (join.kind.empty()) {
    problems.Add(path["kind"], "is required: the kind of the objects to join");
  }
  if (join.same_namespace && !join.name_space.empty()) {
    problems.Add(path, "sameNamespace and namespace exclude each other");
  }
  const auto together = [&](const std::string& a, std::string_view a_name, const std::string& b,
                            std::string_view b_name) {
    if (a.empty() == b.empty()) return;
    problems.Add(path[a.empty() ? a_name : b_name],
                 absl::StrCat("is required with ", ToAbsl(a.empty() ? b_name : a_name)));
  };
  together(join.key, "key", join.equals, "equals");
  together(join.labels, "labels", join.selected_by, "selectedBy");
  if (!join.key.empty() && !join.labels.empty()) {
    problems.Add(path,
                 "key and labels exclude each other: two joins, the second one with `of` or "
                 "`where`, say both");
  }
  if (!join.of.empty() && join.key.empty() && join.labels.empty() && !join.same_namespace) {
    problems.Add(path["of"], absl::StrCat("needs key and equals, labels and selectedBy, or "
                                          "sameNamespace: nothing else depends on the objects of ",
                                          join.of));
  }
}

void ValidateOf(const std::vector<Related>& joins, size_t index, const FieldPath& path,
                Problems& problems) {
  const std::string& of = joins[index].of;
  if (of.empty()) return;
  for (size_t i = index; i < joins.size(); ++i) {
    if (joins[i].name != of) continue;
    problems.Add(path, i == index ? "is the join itself: it starts from one before it"
                                  : absl::StrCat("\"", of,
                                                 "\" is declared after it: a join starts "
                                                 "from one before it"));
    return;
  }
  const std::vector<Related> before(joins.begin(), joins.begin() + static_cast<long>(index));
  ExpectDeclared(of, before, "spec.related before it", path, problems);
}

}  // namespace

void ValidateRelated(const std::vector<Related>& joins, const FieldPath& path, Problems& problems) {
  for (size_t i = 0; i < joins.size(); ++i) {
    const Related& join = joins[i];
    const FieldPath element = path[i];
    if (join.preset) {
      ValidatePreset(join, element, problems);
    } else {
      ValidateGeneral(join, element, problems);
    }
    ValidateOf(joins, i, element["of"], problems);
    ValidateSelector(join.selector, element["selector"], problems);
  }
}

}  // namespace kr::crds
