#include "reconcilers/actions/webhook_call.h"

#include <algorithm>
#include <vector>

#include "controller/base/digest.h"
#include "crds/meta/time.h"
#include "crds/v1alpha1/remediation.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/computed_value.h"

namespace kr::actions {
namespace {

using nlohmann::json;

// The evidence of a trigger on hundreds of objects would leave no room for anything else.
constexpr size_t kMaxEvidence = 8;

json ToJson(const crds::ObjectReference& object) {
  json result = {{"apiVersion", object.api_version}, {"kind", object.kind}, {"name", object.name}};
  if (!object.name_space.empty()) result["namespace"] = object.name_space;
  if (!object.uid.empty()) result["uid"] = object.uid;
  return result;
}

json ToJson(const crds::Evidence& evidence) {
  json result = {{"source", evidence.source}, {"message", evidence.message}};
  if (evidence.object) result["object"] = ToJson(*evidence.object);
  if (evidence.count) result["count"] = *evidence.count;
  return result;
}

}  // namespace

std::string IdempotencyKey(const Observed& observed) {
  const crds::StepId& step = observed.step;
  return Sha256Hex(observed.remediation->metadata.uid + "/" + step.remedy + "/" +
                   std::to_string(step.attempt) + "/" + std::to_string(step.step) + "/" +
                   std::to_string(step.item));
}

json Envelope(const Observed& observed, json parameters) {
  const crds::Remediation& remediation = *observed.remediation;
  const crds::RemediationStatus& status = remediation.status;
  const ObjectRef& ref = observed.ref;
  const crds::ObjectReference object{ref.resource.gvk.ApiVersion(), ref.resource.gvk.kind,
                                     ref.key.name_space, ref.key.name, ref.uid};
  json envelope = {
      {"apiVersion", kWebhookApiVersion},
      {"kind", "Call"},
      {"idempotencyKey", IdempotencyKey(observed)},
      {"policy", remediation.spec.policy_ref.name},
      {"remediation", {{"name", remediation.metadata.name}, {"uid", remediation.metadata.uid}}},
      {"remedy", observed.step.remedy},
      {"attempt", observed.step.attempt},
      {"step", observed.step.step},
      {"target", ToJson(remediation.spec.target_ref)},
      {"object", ToJson(object)},
      {"parameters", std::move(parameters)},
      {"evidence", json::array()},
  };
  if (status.trigger) {
    envelope["trigger"] = {{"name", status.trigger->name},
                           {"since", crds::FormatTime(status.trigger->since)}};
  }
  const size_t count = std::min(status.evidence.size(), kMaxEvidence);
  for (size_t i = 0; i < count; ++i) envelope["evidence"].push_back(ToJson(status.evidence[i]));
  return envelope;
}

Status CheckCallSize(const json& envelope) {
  const size_t size = SizeOf(envelope);
  if (size <= kMaxCallBytes) return OkStatus();
  return InvalidArgument("the call would have " + std::to_string(size) + " bytes, at most " +
                         std::to_string(kMaxCallBytes) +
                         " are allowed: make its parameters smaller");
}

std::optional<Next> Pursue(const std::string& webhook, const std::string& body, const json& memo,
                           const CallLimits& limits, const Observed& observed, Judgement& last) {
  const bool over = observed.now >= limits.deadline;
  if (observed.answer) {
    last = Judge(*observed.answer);
    if (over || !IsOpen(last.outcome)) return std::nullopt;
    const absl::Time next =
        std::min(observed.answer->at + PauseAfter(*observed.answer, last), limits.deadline);
    if (observed.now < next) {
      return Wait{
          .until = next, .progress = "webhook " + webhook + " " + last.message, .memo = nullptr};
    }
  } else if (over) {
    last = {.outcome = CallOutcome::kUnreachable, .message = "had not answered"};
    return std::nullopt;
  }
  return Call{.webhook = webhook,
              .body = body,
              .idempotency_key = IdempotencyKey(observed),
              .timeout = std::min(limits.timeout, limits.deadline - observed.now),
              .summary = "call webhook " + webhook + " about " + ObjectText(observed.ref),
              .memo = memo};
}

std::string WebhookSecret(std::string_view webhook) {
  return "kube-remedy-webhook-" + std::string(webhook);
}

}  // namespace kr::actions
