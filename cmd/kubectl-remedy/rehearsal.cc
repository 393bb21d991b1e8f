#include "cmd/kubectl-remedy/rehearsal.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "cmd/kubectl-remedy/explain.h"
#include "cmd/kubectl-remedy/timeline.h"
#include "crds/meta/duration.h"
#include "crds/v1alpha1/codec.h"
#include "crds/v1alpha1/reasons.h"

namespace kr::cmd {
namespace {

using nlohmann::json;

// Beyond the longest `for`: requests, live checks and reports that take turns.
constexpr absl::Duration kSlack = absl::Seconds(35);
constexpr char kRun[] = "rehearsal";

bool About(const json& ref, const crds::ObjectReference& target) {
  return ref.value("kind", "") == target.kind && ref.value("name", "") == target.name &&
         ref.value("namespace", "") == target.name_space;
}

json FindRemediation(const sandbox::ObjectStore& objects, const std::string& policy,
                     const crds::ObjectReference& target) {
  for (const json& one : objects.Own(crds::kRemediationPlural)) {
    if (one["spec"]["policyRef"]["name"] != policy) continue;
    if (About(one["spec"]["targetRef"], target)) return one;
  }
  return {};
}

json StatusOfPolicy(const sandbox::ObjectStore& objects, const std::string& name) {
  for (const json& one : objects.Own("remediationpolicies")) {
    if (one["metadata"]["name"] == name) return one.value("status", json::object());
  }
  return json::object();
}

json ResultOf(sandbox::Sandbox& sandbox, const policy::CompiledPolicy& policy,
              const crds::ObjectReference& target, absl::Time began) {
  json result = {{"policy", policy.name}, {"target", target.ToString()}};
  if (const auto reading = sandbox.Read(policy, {target.name_space, target.name})) {
    result.update(ExplainReading(policy, *reading));
  }
  const json object = FindRemediation(sandbox.objects(), policy.name, target);
  if (!object.is_null()) {
    json status = object.value("status", json::object());
    result["result"] = "Act";
    result["phase"] = status.value("phase", "");
    result["reason"] = status.value("reason", "");
    result["message"] = status.value("message", "");
    result["trigger"] = status.value(json::json_pointer("/trigger/name"), "");
    result["plan"] = status.value("plan", json::array());
    auto remediation = crds::FromJson<crds::Remediation>(object);
    if (sandbox.objects().alone()) {
      // Nobody was there to check it.
      for (json& step : result["plan"]) step.erase("validation");
    }
    if (remediation.ok()) {
      for (crds::PlannedStep& step : remediation->status.plan) {
        if (sandbox.objects().alone()) step.validation.reset();
      }
      if (remediation->status.started_at) {
        result["after"] = crds::FormatDuration(absl::Floor(
            *remediation->status.started_at - began + absl::Milliseconds(500), absl::Seconds(1)));
      }
      result["text"] = FormatPlan(*remediation, "");
    }
    return result;
  }
  const json status = StatusOfPolicy(sandbox.objects(), policy.name);
  for (const json& waiting : status.value("waiting", json::array())) {
    if (!About(waiting["target"], target)) continue;
    result["result"] = "Wait";
    result["reason"] = waiting["reason"];
    result["message"] = waiting.value("message", "");
    return result;
  }
  const std::string symptom = result.value("symptom", "Unknown");
  result["result"] = symptom == "False" ? "Healthy" : symptom == "True" ? "Wait" : "Unknown";
  if (symptom == "True") {
    result["reason"] = crds::refusal::kSymptomPending;
    result["message"] = "a trigger holds, but not for long enough";
  }
  return result;
}

}  // namespace

StatusOr<json> Rehearse(sandbox::Sandbox& sandbox) {
  const absl::Time began = sandbox.now();
  sandbox.Lead();
  sandbox.Advance(absl::Seconds(1));
  absl::Duration longest;
  for (const auto& [name, entry] : sandbox.policies().by_name()) {
    if (entry.kinds.empty()) {
      return InvalidArgument("policy " + name + ": " + std::string(Message(entry.problem())));
    }
    for (const policy::CompiledPolicyPtr& policy : entry.kinds) {
      const std::string why_not = Settle(sandbox, *policy);
      if (!why_not.empty()) return FailedPrecondition("policy " + name + ": " + why_not);
      for (const policy::Trigger& trigger : policy->triggers) {
        longest = std::max(longest, trigger.hold_for);
      }
    }
  }
  sandbox.Advance(longest + kSlack);
  json results = json::array();
  for (const auto& [name, entry] : sandbox.policies().by_name()) {
    for (const policy::CompiledPolicyPtr& policy : entry.kinds) {
      std::vector<crds::ObjectReference> targets;
      sandbox.watches().ForEachTarget(*policy, [&](const document::DocumentPtr& document) {
        targets.push_back({.api_version = policy->target.ApiVersion(),
                           .kind = policy->target.kind,
                           .name_space = std::string(document->name_space()),
                           .name = std::string(document->name()),
                           .uid = std::string(document->uid())});
      });
      std::sort(targets.begin(), targets.end(), [](const auto& a, const auto& b) {
        return std::tie(a.name_space, a.name) < std::tie(b.name_space, b.name);
      });
      for (const crds::ObjectReference& target : targets) {
        results.push_back(ResultOf(sandbox, *policy, target, began));
      }
    }
  }
  return results;
}

StatusOr<json> RehearseRun(sandbox::Sandbox& sandbox, const policy::CompiledPolicy& policy,
                           const json& target_ref) {
  KR_RETURN_IF_ERROR(sandbox.objects().Put({{"apiVersion", crds::kApiVersion},
                                            {"kind", crds::kRemediationKind},
                                            {"metadata", {{"name", kRun}, {"generation", 1}}},
                                            {"spec",
                                             {{"policyRef", {{"name", policy.name}}},
                                              {"targetRef", target_ref},
                                              {"mode", "Observe"}}}}));
  sandbox.Advance(kSlack);
  for (const json& one : sandbox.objects().Own(crds::kRemediationPlural)) {
    if (one["metadata"]["name"] == kRun) return one;
  }
  return Internal("the run has vanished");
}

std::string FormatRehearsal(const json& results) {
  std::string text;
  for (const json& result : results) {
    const std::string what = result["result"];
    text += result["policy"].get<std::string>() + ": " + result["target"].get<std::string>() +
            ": " + what;
    if (what == "Act") {
      text += ", trigger " + result.value("trigger", "") + ", after " + result.value("after", "0s");
    } else if (result.contains("reason")) {
      text += ", " + result.value("reason", "") + ": " + result.value("message", "");
    }
    text += "\n";
    std::string inner = what == "Act" ? result.value("text", "") : "";
    if (what == "Unknown") inner = FormatExplanation(result, "");
    for (size_t begin = 0; begin < inner.size();) {
      const size_t end = std::min(inner.find('\n', begin), inner.size());
      text += "  " + inner.substr(begin, end - begin) + "\n";
      begin = end + 1;
    }
  }
  return text;
}

}  // namespace kr::cmd
