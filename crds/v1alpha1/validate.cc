#include "crds/v1alpha1/validate.h"

#include <algorithm>
#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "crds/meta/duration.h"
#include "crds/meta/text.h"
#include "crds/v1alpha1/validate_parts.h"
#include "crds/v1alpha1/validate_signals.h"
#include "crds/v1alpha1/validate_step.h"

namespace kr::crds {
namespace {

void ValidateTarget(const Target& target, const FieldPath& path, Problems& problems) {
  if (target.kinds.empty()) {
    if (target.api_version.empty() || target.kind.empty()) {
      problems.Add(path, "expected apiVersion and kind, or a list of several in kinds");
    }
  } else {
    if (!target.api_version.empty() || !target.kind.empty()) {
      problems.Add(path, "kinds excludes apiVersion and kind: put that kind into the list");
    }
    const FieldPath kinds = path["kinds"];
    for (size_t i = 0; i < target.kinds.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        // Objects of one kind are the same in all versions of its group.
        const auto group = [&](size_t k) {
          const std::string& version = target.kinds[k].api_version;
          return version.substr(0, version.find('/') == std::string::npos ? 0 : version.find('/'));
        };
        if (target.kinds[i].kind != target.kinds[j].kind || group(i) != group(j)) continue;
        problems.Add(kinds[i], absl::StrCat("is the same as ", kinds[j].ToString()));
        break;
      }
    }
  }
  const std::vector<TargetKind> all_kinds = target.Kinds();
  if (target.include_control_plane &&
      std::none_of(all_kinds.begin(), all_kinds.end(),
                   [](const TargetKind& kind) { return kind.kind == "Node"; })) {
    problems.Add(path["includeControlPlane"], "is about Nodes, which are no targets here");
  }
  ValidateSelector(target.namespace_selector, path["namespaceSelector"], problems);
  ValidateSelector(target.selector, path["selector"], problems);
  ValidateSelector(target.exclude_selector, path["excludeSelector"], problems);
  const bool narrowed = !target.names.empty() || !target.namespaces.empty() ||
                        (target.namespace_selector && !target.namespace_selector->empty()) ||
                        (target.selector && !target.selector->empty());
  if (!narrowed && !target.all) {
    problems.Add(
        path,
        "names, namespaces, namespaceSelector or selector must narrow the targets, or all: "
        "true says that every object of the kind is meant");
  }
}

void ValidateEvents(const EventSource& source, const RemediationPolicySpec& spec,
                    const FieldPath& path, Problems& problems) {
  const FieldPath about = path["about"];
  if (const auto* related = std::get_if<AboutRelated>(&source.about)) {
    ExpectDeclared(related->related, spec.related, "spec.related", about["related"], problems);
  } else if (const auto* kind = std::get_if<AboutKind>(&source.about)) {
    if (kind->api_version.empty()) problems.Add(about["apiVersion"], "is required with kind");
    if (kind->kind.empty()) problems.Add(about["kind"], "is required with apiVersion");
  }
}

void ValidateTrigger(const Trigger& trigger, const RemediationPolicySpec& spec,
                     const FieldPath& path, Problems& problems) {
  ValidateSignals(trigger, spec, path, problems);
  if (trigger.events) {
    const FieldPath events = path["events"];
    ExpectDeclared(trigger.events->from, spec.events, "spec.events", events["from"], problems);
  }
}

bool OnlyNotifies(const Remedy& remedy) {
  return std::all_of(remedy.steps.begin(), remedy.steps.end(),
                     [](const Step& step) { return std::holds_alternative<Notify>(step.action); });
}

void ValidateRemedy(const Remedy& remedy, const RemediationPolicySpec& spec, const FieldPath& path,
                    Problems& problems) {
  const FieldPath steps = path["steps"];
  for (size_t i = 0; i < remedy.steps.size(); ++i) {
    ValidateStep(remedy.steps[i], spec, steps[i], problems);
  }
  if (OnlyNotifies(remedy)) return;
  if (remedy.cure_within <= spec.recovery.stable_for) {
    problems.Add(path["cureWithin"], absl::StrCat("is ", crds::FormatDuration(remedy.cure_within),
                                                  ", must be longer than spec.recovery.stableFor (",
                                                  crds::FormatDuration(spec.recovery.stable_for),
                                                  "), else no cure is ever proved in time"));
  }
  const auto trigger = std::find_if(spec.triggers.begin(), spec.triggers.end(),
                                    [](const Trigger& t) { return t.OnlyOccurrences(); });
  if (trigger != spec.triggers.end() && remedy.verify.empty() && spec.recovery.healthy.empty()) {
    problems.Add(path["verify"],
                 absl::StrCat("is required, or spec.recovery.healthy: trigger ", trigger->name,
                              " looks at ", OccurrencesOf(*trigger),
                              " alone, and that nothing more happens proves no cure"));
  }
}

void ValidateGroups(const std::vector<LimitGroup>& groups, const FieldPath& path,
                    Problems& problems) {
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].max_concurrent || groups[i].max_unhealthy) continue;
    problems.Add(path[i], "expected maxConcurrent, maxUnhealthy or both");
  }
}

}  // namespace

void Validate(const RemediationPolicySpec& spec, const FieldPath& path, Problems& problems) {
  ValidateTarget(spec.target, path["target"], problems);
  ValidateParams(spec, path, problems);
  ValidateRelated(spec.related, path["related"], problems);
  const FieldPath events = path["events"];
  for (size_t i = 0; i < spec.events.size(); ++i) {
    ValidateEvents(spec.events[i], spec, events[i], problems);
  }
  const FieldPath triggers = path["triggers"];
  for (size_t i = 0; i < spec.triggers.size(); ++i) {
    ValidateTrigger(spec.triggers[i], spec, triggers[i], problems);
  }
  const FieldPath remedies = path["remedies"];
  for (size_t i = 0; i < spec.remedies.size(); ++i) {
    ValidateRemedy(spec.remedies[i], spec, remedies[i], problems);
  }
  ValidateNodeSteps(spec, path, problems);
  const FieldPath limits = path["limits"];
  ValidateGroups(spec.limits.groups, limits["groups"], problems);
}

void Validate(const RemediationBudgetSpec& spec, const FieldPath& path, Problems& problems) {
  if (!spec.max_concurrent && !spec.max_unhealthy && spec.groups.empty()) {
    problems.Add(path, "expected at least one of maxConcurrent, maxUnhealthy and groups");
  }
  const FieldPath objects = path["objects"];
  ValidateSelector(spec.objects.selector, objects["selector"], problems);
  ValidateGroups(spec.groups, path["groups"], problems);
}

}  // namespace kr::crds
