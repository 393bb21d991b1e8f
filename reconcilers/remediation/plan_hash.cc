#include "reconcilers/remediation/plan_hash.h"

#include <nlohmann/json.hpp>

#include "controller/base/digest.h"

namespace kr::remediation {
namespace {

using nlohmann::json;

json WithoutPrecondition(const std::string& body) {
  json write = json::parse(body, nullptr, false);
  if (write.is_discarded()) return body;
  if (!write.is_object() || !write.contains("metadata")) return write;
  json& metadata = write["metadata"];
  if (metadata.is_object()) metadata.erase("resourceVersion");
  if (metadata.empty()) write.erase("metadata");
  return write;
}

}  // namespace

std::string PlanHash(const PlanIdentity& identity, std::span<const crds::PlannedStep> plan) {
  json steps = json::array();
  for (const crds::PlannedStep& step : plan) {
    json entry = {{"action", step.action},
                  {"text", step.text},
                  {"write", step.body.empty() ? json() : WithoutPrecondition(step.body)}};
    if (step.object) {
      entry["object"] = {step.object->api_version, step.object->kind, step.object->name_space,
                         step.object->name, step.object->uid};
    }
    steps.push_back(std::move(entry));
  }
  const json whole = {{"target", identity.target_uid},
                      {"remedy", identity.remedy},
                      {"attempt", identity.attempt},
                      {"requestedAt", absl::ToUnixMicros(identity.requested_at)},
                      {"steps", std::move(steps)}};
  return Sha256Hex(whole.dump(-1, ' ', false, json::error_handler_t::replace));
}

}  // namespace kr::remediation
