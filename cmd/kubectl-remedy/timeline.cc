#include "cmd/kubectl-remedy/timeline.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "cmd/kubectl-remedy/table.h"
#include "reconcilers/remediation/registry.h"

namespace kr::cmd {
namespace {

using crds::Remediation;
using crds::RemediationStatus;
using remediation::IsOpen;

struct Moment {
  absl::Time at;
  std::string text;
};

class Story {
 public:
  void Add(std::optional<absl::Time> at, std::string text) {
    if (at && !text.empty()) moments_.push_back({*at, std::move(text)});
  }

  // In order of time; what has the same time stays as it was told.
  std::string Print() {
    std::ranges::stable_sort(moments_, {}, &Moment::at);
    std::string text;
    for (const Moment& moment : moments_) {
      text += absl::FormatTime("%Y-%m-%d %H:%M:%E3S", moment.at, absl::UTCTimeZone()) + "  " +
              moment.text + "\n";
    }
    return text;
  }

 private:
  std::vector<Moment> moments_;
};

// Messages of others may have several lines; a story has one line a moment.
std::string OneLine(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

std::string Behind(std::string_view separator, std::string_view text) {
  return text.empty() ? "" : OneLine(std::string(separator) + std::string(text));
}

std::string Name(const crds::StepId& id, std::string_view action) {
  std::string text = id.remedy + " step " + std::to_string(id.step + 1);
  if (!action.empty()) text += " " + std::string(action);
  if (id.item > 0) text += " object " + std::to_string(id.item);
  if (id.attempt > 1) text += " (attempt " + std::to_string(id.attempt) + ")";
  return text;
}

void TellSymptom(const RemediationStatus& status, Story& story) {
  if (status.trigger)
    story.Add(status.trigger->since, "trigger " + status.trigger->name + " holds");
  for (const crds::Evidence& evidence : status.evidence) {
    std::string text = "seen by " + evidence.source;
    if (evidence.count > 1) text += ", " + std::to_string(*evidence.count) + " times until then";
    if (evidence.object) text += ", about " + evidence.object->ToString();
    story.Add(evidence.last_seen, text + Behind(": ", evidence.message));
  }
  story.Add(status.detected_at, "detected");
}

void TellSteps(const RemediationStatus& status, Story& story) {
  for (const crds::StepProgress& step : status.steps) {
    const std::string name = Name(step.id, step.action);
    story.Add(step.started_at, name + ": begins");
    for (const crds::WriteRecord& write : step.writes) {
      story.Add(write.intent_at,
                name + ": " + std::string(ToString(write.verb)) + " " + write.object.ToString() +
                    ": " + std::string(ToString(write.outcome)) + Behind(", ", write.message));
    }
    story.Add(step.finished_at,
              name + ": " + std::string(ToString(step.state)) + Behind(": ", step.message));
  }
}

void TellRemedies(const RemediationStatus& status, Story& story) {
  for (const crds::RemedyProgress& remedy : status.remedies) {
    story.Add(remedy.started_at, "remedy " + remedy.name + " begins");
    story.Add(remedy.steps_done_at, "remedy " + remedy.name + ": the steps are done");
    story.Add(remedy.healthy_since, "remedy " + remedy.name + ": looks cured since then");
    story.Add(remedy.finished_at, "remedy " + remedy.name + ": " +
                                      std::string(ToString(remedy.state)) +
                                      Behind(": ", remedy.message));
  }
}

// What would be done, or what is still to come: done steps are in the story.
std::string Plan(const RemediationStatus& status) {
  std::string text;
  for (const crds::PlannedStep& planned : status.plan) {
    // A plan that was made before the objects were chosen has one line for all of them.
    const bool told = std::ranges::any_of(status.steps, [&](const crds::StepProgress& step) {
      crds::StepId id = step.id;
      if (planned.id.item == 0) id.item = 0;
      return id == planned.id;
    });
    if (told) continue;
    text += "  " + Name(planned.id, planned.action) + Behind(": ", planned.text);
    if (planned.validation) text += ": " + std::string(ToString(*planned.validation));
    text += Behind(", ", planned.message) + "\n";
  }
  return text.empty() ? text : "\nPlanned and not begun:\n" + text;
}

std::string PhaseOf(const RemediationStatus& status) {
  return status.phase ? std::string(ToString(*status.phase)) : "not taken up yet";
}

void TellApprovals(const RemediationStatus& status, Story& story) {
  for (const crds::ApprovalRecord& request : status.approvals) {
    std::string name = "remedy " + request.remedy;
    if (request.attempt > 1) name += " (attempt " + std::to_string(request.attempt) + ")";
    story.Add(request.requested_at, name + ": a person is asked, plan " + request.plan_hash);
    story.Add(request.decided_at,
              name + ": " + std::string(ToString(request.state)) + " by " + request.by);
  }
}

}  // namespace

std::string FormatPlan(const Remediation& remediation, std::string_view remedy) {
  std::string text;
  for (const crds::PlannedStep& planned : remediation.status.plan) {
    if (!remedy.empty() && planned.id.remedy != remedy) continue;
    text += Name(planned.id, planned.action) + Behind(": ", planned.text);
    if (planned.validation) text += ": " + std::string(ToString(*planned.validation));
    text += Behind(", ", planned.message) + "\n";
    if (planned.body.empty()) continue;
    if (planned.object) text += "  writes " + planned.object->ToString() + "\n";
    text += "  " + OneLine(planned.body) + "\n";
  }
  return text;
}

std::string FormatRemediations(std::span<const Remediation> remediations, absl::Time now) {
  std::vector<const Remediation*> order;
  for (const Remediation& remediation : remediations) order.push_back(&remediation);
  const auto created = [](const Remediation& remediation) {
    return remediation.metadata.creation_timestamp.value_or(absl::InfinitePast());
  };
  std::ranges::sort(order, [&](const Remediation* a, const Remediation* b) {
    return std::tuple(!IsOpen(*a), created(*b), a->metadata.name) <
           std::tuple(!IsOpen(*b), created(*a), b->metadata.name);
  });
  std::vector<std::vector<std::string>> rows;
  for (const Remediation* remediation : order) {
    const RemediationStatus& status = remediation->status;
    rows.push_back({remediation->metadata.name, remediation->spec.policy_ref.name,
                    remediation->spec.target_ref.ToString(), PhaseOf(status), status.reason,
                    FormatAge(now - created(*remediation)), OneLine(status.message)});
  }
  return FormatTable({"NAME", "POLICY", "TARGET", "PHASE", "REASON", "AGE", "MESSAGE"}, rows);
}

std::string FormatTimeline(const Remediation& remediation) {
  const RemediationStatus& status = remediation.status;
  std::string text = remediation.spec.target_ref.ToString() + ": " + PhaseOf(status);
  if (!status.reason.empty()) text += " (" + status.reason + ")";
  text += "\n";
  if (!status.message.empty()) text += "  " + OneLine(status.message) + "\n";
  text += "Policy " + remediation.spec.policy_ref.name + ", mode " +
          std::string(ToString(remediation.spec.mode));
  if (status.ledger)
    text += "; remediation " + std::to_string(status.ledger->n) + " of this target";
  if (status.manual) {
    text += "; run by hand";
    if (!remediation.spec.requested_by.empty()) text += ", by " + remediation.spec.requested_by;
  }
  text += "\n";
  if (remediation.spec.cancel && IsOpen(remediation)) text += "It is asked to cancel.\n";

  Story story;
  TellSymptom(status, story);
  if (status.intent) {
    story.Add(status.intent->at, Name(status.intent->step, "") + ": " +
                                     std::string(ToString(status.intent->verb)) + " " +
                                     status.intent->object.ToString() + " may have been sent");
  }
  for (const crds::PhaseTime& phase : status.phase_times) {
    if (!crds::IsFinal(phase.phase))
      story.Add(phase.at, "phase " + std::string(ToString(phase.phase)));
  }
  TellApprovals(status, story);
  TellRemedies(status, story);
  TellSteps(status, story);
  story.Add(status.finished_at, PhaseOf(status) + Behind(": ", status.message));
  if (status.ledger) {
    story.Add(status.ledger->cooldown_until, "the cooldown of this target ends");
  }
  const std::string moments = story.Print();
  if (!moments.empty()) text += "\n" + moments;
  return text + Plan(status);
}

}  // namespace kr::cmd
