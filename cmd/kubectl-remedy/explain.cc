#include "cmd/kubectl-remedy/explain.h"

#include <algorithm>
#include <optional>
#include <stop_token>
#include <utility>

#include "crds/meta/condition.h"
#include "crds/meta/time.h"
#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/reasons.h"
#include "reconcilers/limits/remediation_name.h"
#include "reconcilers/remediation/ladder.h"
#include "reconcilers/remediation/registry.h"
#include "reconcilers/remediation/resources.h"

namespace kr::cmd {
namespace {

using nlohmann::json;
using signals::Tri;
using Readiness = policy::Watches::Readiness;

constexpr absl::Duration kDeadline = absl::Seconds(60);

std::string Word(Tri value) {
  return value == Tri::kTrue ? "True" : value == Tri::kFalse ? "False" : "Unknown";
}

// In the order in which a trigger is compiled.
std::vector<std::string> SignalNames(const crds::Trigger& trigger) {
  std::vector<std::string> names;
  if (trigger.condition) names.push_back("condition");
  if (trigger.events) names.push_back("events." + trigger.events->from);
  if (trigger.absent) names.push_back("absent");
  if (trigger.alert) names.push_back("alert");
  if (trigger.changed) names.push_back("changed");
  if (trigger.increase) names.push_back("increase");
  if (trigger.lease) names.push_back("lease");
  if (trigger.schedule) names.push_back("schedule");
  for (const crds::NamedExpression& match : trigger.match) names.push_back("match." + match.name);
  return names;
}

json ExplainEvidence(const std::vector<crds::Evidence>& all) {
  json list = json::array();
  for (const crds::Evidence& evidence : all) {
    json seen = {{"source", evidence.source}};
    if (evidence.object) seen["object"] = evidence.object->ToString();
    if (!evidence.message.empty()) seen["message"] = evidence.message;
    if (evidence.count) seen["count"] = *evidence.count;
    if (evidence.first_seen) seen["firstSeen"] = crds::FormatTime(*evidence.first_seen);
    if (evidence.last_seen) seen["lastSeen"] = crds::FormatTime(*evidence.last_seen);
    list.push_back(std::move(seen));
  }
  return list;
}

// When the first Event came that counts. What the evidence of the other signals says is no time
// since when they hold: a condition's message changes without its time, and a value may have
// changed at any time after its baseline was recorded.
std::optional<absl::Time> FirstEvent(const signals::Reading& signal) {
  std::optional<absl::Time> first;
  for (const crds::Evidence& evidence : signal.evidence) {
    if (!evidence.source.starts_with("events.") || !evidence.first_seen) continue;
    first = std::min(first.value_or(absl::InfiniteFuture()), *evidence.first_seen);
  }
  return first;
}

json ExplainSignal(const std::string& name, const signals::Reading& signal) {
  json line = {{"name", name}, {"value", Word(signal.value)}};
  const std::optional<absl::Time> since = signal.since ? signal.since : FirstEvent(signal);
  if (since) line["since"] = crds::FormatTime(*since);
  if (!signal.cause.empty()) line["cause"] = signal.cause;
  if (!signal.evidence.empty()) line["evidence"] = ExplainEvidence(signal.evidence);
  return line;
}

std::string Text(const json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

void AddSeen(const json& evidence, const std::string& indent, std::string& text) {
  for (const json& seen : evidence) {
    text += indent + "seen";
    if (seen.contains("count")) text += " " + seen["count"].dump() + " times";
    if (seen.contains("object")) text += " about " + Text(seen, "object");
    if (seen.contains("lastSeen")) text += ", last at " + Text(seen, "lastSeen");
    if (seen.contains("message")) text += ": " + Text(seen, "message");
    text += "\n";
  }
}

void AddTrigger(const json& trigger, const std::string& indent, std::string& text) {
  text += indent + "trigger " + Text(trigger, "name") + ": " + Text(trigger, "value") + "\n";
  for (const json& signal : trigger["signals"]) {
    text += indent + "  " + Text(signal, "name") + ": " + Text(signal, "value");
    if (signal.contains("since")) text += " since " + Text(signal, "since");
    if (signal.contains("cause")) text += ", " + Text(signal, "cause");
    if (signal.contains("answeredBy")) {
      text += ", answered by Remediation " + Text(signal, "answeredBy");
    }
    text += "\n";
    AddSeen(signal.value("evidence", json::array()), indent + "    ", text);
  }
}

}  // namespace

std::unique_ptr<sandbox::Sandbox> MirrorOf(Cluster& cluster, Clock& clock) {
  return std::make_unique<sandbox::Sandbox>(sandbox::Sandbox::Options{
      .now = clock.Now(), .upstream = [&cluster](const kube::HttpRequest& request) {
        kube::HttpRequest question = request;
        question.timeout = kDeadline;
        return cluster.client().Send(question, std::stop_token());
      }});
}

Status AddBaselines(Cluster& cluster, sandbox::Sandbox& mirror) {
  const auto baselines = cluster.List(remediation::BaselineResource());
  if (absl::IsNotFound(baselines.status())) return OkStatus();  // of an older installation
  if (!baselines.ok()) return Annotate(baselines.status(), "TargetBaselines cannot be read");
  for (const json& baseline : *baselines) KR_RETURN_IF_ERROR(mirror.objects().Put(baseline));
  return OkStatus();
}

json ForSandbox(json policy, bool observe) {
  policy.erase("status");
  policy["metadata"].erase("managedFields");
  if (!policy["metadata"].contains("generation")) policy["metadata"]["generation"] = 1;
  if (observe) {
    policy["spec"]["mode"] = "Observe";
    policy["spec"]["paused"] = false;
  }
  return policy;
}

std::string Settle(sandbox::Sandbox& sandbox, const policy::CompiledPolicy& policy) {
  sandbox.Advance(absl::Seconds(1));
  const Readiness readiness = sandbox.watches().ReadinessOf(policy);
  if (readiness.state == Readiness::State::kReady) return "";
  return readiness.message.empty() ? "it cannot be evaluated" : readiness.message;
}

json ExplainReading(const policy::CompiledPolicy& policy,
                    const sandbox::Sandbox::Reading& reading) {
  json explanation = {{"symptom", Word(reading.evaluation.symptom.value)},
                      {"healthy", Word(reading.evaluation.healthy.value)}};
  if (!reading.evaluation.healthy.cause.empty()) {
    const bool known = reading.evaluation.healthy.value != Tri::kUnknown;
    explanation[known ? "notHealthy" : "healthUnknown"] = reading.evaluation.healthy.cause;
  }
  explanation["triggers"] = json::array();
  for (size_t t = 0; t < reading.evaluation.triggers.size(); ++t) {
    const policy::TriggerReading& trigger = reading.evaluation.triggers[t];
    const std::vector<std::string> names = SignalNames(policy.spec.triggers[t]);
    json signals = json::array();
    for (size_t s = 0; s < trigger.signals.size(); ++s) {
      signals.push_back(ExplainSignal(names[s], trigger.signals[s]));
    }
    explanation["triggers"].push_back({{"name", policy.triggers[t].name},
                                       {"value", Word(trigger.value)},
                                       {"signals", std::move(signals)}});
  }
  return explanation;
}

const crds::Remediation* LastAbout(const std::string& policy, const crds::ObjectReference& target,
                                   const std::vector<crds::Remediation>& remediations) {
  const crds::Remediation* last = nullptr;
  for (const crds::Remediation& one : remediations) {
    const crds::ObjectReference& ref = one.spec.target_ref;
    const bool same = one.spec.policy_ref.name == policy && ref.kind == target.kind &&
                      ref.name == target.name && ref.name_space == target.name_space;
    if (!same) continue;
    const bool newer =
        last == nullptr || (remediation::IsOpen(one) && !remediation::IsOpen(*last)) ||
        (remediation::IsOpen(one) == remediation::IsOpen(*last) && limits::RunsBefore(*last, one));
    if (newer) last = &one;
  }
  return last;
}

sandbox::Sandbox::Answered AnsweredBy(const crds::Remediation& last) {
  sandbox::Sandbox::Answered answered;
  if (!remediation::IsOpen(last)) answered.events = remediation::Answered(last.status);
  answered.schedule = std::max(last.metadata.creation_timestamp.value_or(absl::InfinitePast()),
                               last.status.started_at.value_or(absl::InfinitePast()));
  return answered;
}

void MarkAnswered(const json& anew, const crds::Remediation& last, json& explanation) {
  for (size_t t = 0; t < explanation["triggers"].size(); ++t) {
    json& signals = explanation["triggers"][t]["signals"];
    const json& before = anew["triggers"][t]["signals"];
    for (size_t s = 0; s < signals.size() && s < before.size(); ++s) {
      if (before[s]["value"] != "True" || signals[s]["value"] == "True") continue;
      signals[s]["answeredBy"] = last.metadata.name;
      if (before[s].contains("evidence")) signals[s]["evidence"] = before[s]["evidence"];
    }
  }
}

json ExplainState(const crds::RemediationPolicy& policy,
                  const std::vector<crds::Remediation>& remediations,
                  const crds::ObjectReference& target) {
  json state = {{"mode", ToString(policy.spec.mode)}, {"paused", policy.spec.paused}};
  for (const crds::Condition& condition : policy.status.conditions) {
    const bool bad = condition.type == crds::kConditionBlocked
                         ? condition.status != crds::ConditionStatus::kFalse
                         : condition.status != crds::ConditionStatus::kTrue;
    if (!bad) continue;
    state["conditions"].push_back(
        {{"type", condition.type}, {"reason", condition.reason}, {"message", condition.message}});
  }
  for (const crds::Waiting& waiting : policy.status.waiting) {
    const bool same = waiting.target.kind == target.kind && waiting.target.name == target.name &&
                      waiting.target.name_space == target.name_space;
    if (!same) continue;
    state["waiting"] = {{"reason", waiting.reason},
                        {"message", waiting.message},
                        {"since", crds::FormatTime(waiting.since)}};
    if (waiting.next_check) {
      state["waiting"]["nextCheck"] = crds::FormatTime(*waiting.next_check);
    }
  }
  const crds::Remediation* last = LastAbout(policy.metadata.name, target, remediations);
  if (last == nullptr) return state;
  const crds::RemediationStatus& status = last->status;
  state["remediation"] = {{"name", last->metadata.name},
                          {"phase", status.phase ? ToString(*status.phase) : "new"},
                          {"open", remediation::IsOpen(*last)},
                          {"reason", status.reason},
                          {"message", status.message}};
  if (remediation::IsOpen(*last) && !status.evidence.empty()) {
    state["remediation"]["evidence"] = ExplainEvidence(status.evidence);
  }
  if (status.ledger && status.ledger->cooldown_until) {
    state["cooldownUntil"] = crds::FormatTime(*status.ledger->cooldown_until);
  }
  return state;
}

std::string FormatExplanation(const json& explanation, const std::string& indent) {
  std::string text;
  for (const json& trigger : explanation.value("triggers", json::array())) {
    AddTrigger(trigger, indent, text);
  }
  if (explanation.contains("triggers") && explanation["triggers"].empty()) {
    text += indent + "no triggers: it runs by hand only\n";
  }
  if (explanation.contains("notHealthy")) {
    text += indent + "not healthy: " + Text(explanation, "notHealthy") + "\n";
  }
  if (explanation.contains("healthUnknown")) {
    text += indent + "whether it is healthy: " + Text(explanation, "healthUnknown") + "\n";
  }
  if (explanation.contains("unknown")) {
    text += indent + "cannot be evaluated: " + Text(explanation, "unknown") + "\n";
  }
  if (explanation.value("paused", false)) text += indent + "stopped: the policy is paused\n";
  for (const json& condition : explanation.value("conditions", json::array())) {
    text += indent + "stopped: " + Text(condition, "type") + ", " + Text(condition, "reason") +
            ": " + Text(condition, "message") + "\n";
  }
  if (explanation.contains("waiting")) {
    const json& waiting = explanation["waiting"];
    const bool young = Text(waiting, "reason") == crds::refusal::kSymptomPending;
    text += indent + (young ? "waits: " : "stopped: ") + Text(waiting, "reason") + " since " +
            Text(waiting, "since") + ": " + Text(waiting, "message") + "\n";
    if (waiting.contains("nextCheck")) {
      text += indent + "looks again at " + Text(waiting, "nextCheck") + "\n";
    }
  }
  if (explanation.contains("remediation")) {
    const json& one = explanation["remediation"];
    text += indent + (one.value("open", false) ? "remediation " : "last remediation ") +
            Text(one, "name") + ": " + Text(one, "phase");
    if (!Text(one, "reason").empty()) text += " (" + Text(one, "reason") + ")";
    text += ": " + Text(one, "message") + "\n";
    AddSeen(one.value("evidence", json::array()), indent + "  ", text);
  }
  if (explanation.contains("cooldownUntil")) {
    text += indent + "cooldown until " + Text(explanation, "cooldownUntil") + "\n";
  }
  return text;
}

}  // namespace kr::cmd
