#include "crds/v1alpha1/validate_signals.h"

#include <algorithm>
#include <string_view>
#include <variant>

#include "absl/strings/str_cat.h"
#include "crds/meta/duration.h"
#include "crds/meta/text.h"

namespace kr::crds {
namespace {

// Each empty place is looked at by itself, so there must be no more than a person would list.
constexpr size_t kMaxPlaces = 1000;

bool HasSignal(const Trigger& trigger) {
  return trigger.condition || trigger.lease || trigger.events || trigger.absent ||
         trigger.changed || trigger.increase || trigger.schedule || trigger.alert ||
         !trigger.match.empty();
}

void ValidateDistinct(const EventsSignal& signal, const RemediationPolicySpec& spec,
                      const FieldPath& path, Problems& problems) {
  if (!signal.distinct) return;
  const auto source = std::find_if(spec.events.begin(), spec.events.end(),
                                   [&](const EventSource& s) { return s.name == signal.from; });
  if (source == spec.events.end()) return;
  if (std::holds_alternative<AboutTarget>(source->about)) {
    problems.Add(path["distinct"],
                 absl::StrCat("source ", source->name,
                              " is about the target, which is one object: expected "
                              "a source about related objects or about a kind"));
  } else if (*signal.distinct != Distinct::kObject &&
             !std::holds_alternative<AboutRelated>(source->about)) {
    problems.Add(path["distinct"],
                 absl::StrCat("source ", source->name, " is about a kind, whose ",
                              ToAbsl(ToString(*signal.distinct)),
                              "s are not known: expected a source about related objects"));
  }
}

void ValidateAbsent(const Trigger& trigger, const Target& target, const FieldPath& path,
                    Problems& problems) {
  const FieldPath absent = path["absent"];
  if (target.names.empty()) {
    problems.Add(absent, "needs spec.target.names: they say which objects should be there");
  }
  if (target.selector || target.exclude_selector) {
    problems.Add(absent,
                 "excludes spec.target.selector and excludeSelector: an object that is not "
                 "there has no labels");
  }
  const size_t places =
      target.Kinds().size() * target.names.size() * std::max<size_t>(target.namespaces.size(), 1);
  if (places > kMaxPlaces) {
    problems.Add(absent, absl::StrCat("spec.target means ", places,
                                      " places (kinds x names x "
                                      "namespaces), at most ",
                                      kMaxPlaces, " are possible"));
  }
  for (const auto& [given, name] :
       {std::pair<bool, std::string_view>{trigger.condition.has_value(), "condition"},
        {trigger.lease.has_value(), "lease"},
        {trigger.changed.has_value(), "changed"},
        {trigger.increase.has_value(), "increase"}}) {
    if (!given) continue;
    problems.Add(path[name], "excludes absent: an object that is not there has none");
  }
}

void ValidateLease(const LeaseSignal& lease, const Target& target, const FieldPath& path,
                   Problems& problems) {
  const std::vector<TargetKind> kinds = target.Kinds();
  const bool of_nodes = std::all_of(kinds.begin(), kinds.end(), [](const TargetKind& kind) {
    return kind.api_version == "v1" && kind.kind == "Node";
  });
  if (lease.name.empty() && !lease.name_space.empty()) {
    problems.Add(path["name"], "is required with namespace");
  } else if (!lease.name.empty() && lease.name_space.empty()) {
    problems.Add(path["namespace"], "is required with name");
  } else if (lease.name.empty() && !of_nodes) {
    problems.Add(path, "needs namespace and name: only Nodes have a lease of their own");
  }
}

}  // namespace

void ValidateSignals(const Trigger& trigger, const RemediationPolicySpec& spec,
                     const FieldPath& path, Problems& problems) {
  if (!HasSignal(trigger)) {
    problems.Add(
        path,
        "expected at least one signal: condition, lease, events, absent, changed, increase, "
        "schedule, alert or match");
  }
  if (trigger.events) ValidateDistinct(*trigger.events, spec, path["events"], problems);
  if (trigger.lease) ValidateLease(*trigger.lease, spec.target, path["lease"], problems);
  if (trigger.absent) ValidateAbsent(trigger, spec.target, path, problems);
  if (trigger.schedule && trigger.HoldFor() >= trigger.schedule->starting_deadline) {
    problems.Add(path["for"],
                 absl::StrCat("is ", crds::FormatDuration(trigger.HoldFor()),
                              ", must be shorter than schedule.startingDeadline (",
                              crds::FormatDuration(trigger.schedule->starting_deadline),
                              "), else it never holds for long enough"));
  }
}

std::string OccurrencesOf(const Trigger& trigger) {
  std::string text;
  for (const auto& [given, name] :
       {std::pair<bool, std::string_view>{trigger.events.has_value(), "events"},
        {trigger.changed.has_value(), "changed"},
        {trigger.schedule.has_value(), "schedule"},
        {trigger.alert.has_value(), "alert"}}) {
    if (given) absl::StrAppend(&text, text.empty() ? "" : " and ", ToAbsl(name));
  }
  return text;
}

}  // namespace kr::crds
