#include "reconcilers/signals/alertmanager.h"

#include <array>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "crds/meta/text.h"
#include "crds/meta/time.h"

namespace kr::signals {
namespace {

using nlohmann::json;

constexpr size_t kMaxAlertsInMessage = 10'000;
constexpr size_t kMaxLabels = 64;
constexpr size_t kMaxLabelBytes = 1024;
constexpr std::array<const char*, 3> kSummaries = {"summary", "description", "message"};

std::string KindOf(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      return "null";
    case json::value_t::boolean:
      return "true or false";
    case json::value_t::string:
      return "a text";
    case json::value_t::array:
      return "a list";
    case json::value_t::object:
      return "an object";
    default:
      return "a number";
  }
}

Status Expected(const std::string& path, std::string_view what, const json* found) {
  return InvalidArgument(path + ": expected " + std::string(what) + ", found " +
                         (found == nullptr ? "nothing" : KindOf(*found)));
}

const json* Find(const json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

StatusOr<Labels> ParseLabels(const json* labels, const std::string& path) {
  if (labels == nullptr || !labels->is_object()) return Expected(path, "an object", labels);
  if (labels->empty()) return InvalidArgument(path + ": is empty, and labels tell alerts apart");
  if (labels->size() > kMaxLabels) {
    return InvalidArgument(path + ": has more than " + std::to_string(kMaxLabels) + " labels");
  }
  Labels result;
  for (const auto& [name, value] : labels->items()) {
    const std::string at = path + "." + crds::Truncate(name, 60);
    if (!value.is_string()) return Expected(at, "a text", &value);
    const std::string& text = value.get_ref<const std::string&>();
    if (name.size() + text.size() > kMaxLabelBytes) {
      return InvalidArgument(at + ": is longer than " + std::to_string(kMaxLabelBytes) + " bytes");
    }
    result.emplace(name, text);
  }
  return result;
}

StatusOr<Alert> ParseAlert(const json& value, const std::string& path) {
  if (!value.is_object()) return Expected(path, "an object", &value);
  Alert alert;
  const json* status = Find(value, "status");
  if (status == nullptr || !status->is_string())
    return Expected(path + ".status", "a text", status);
  alert.firing = *status == "firing";
  if (!alert.firing && *status != "resolved") {
    return InvalidArgument(path + ".status: expected firing or resolved, found \"" +
                           crds::Truncate(status->get<std::string>(), 60) + "\"");
  }
  KR_ASSIGN_OR_RETURN(alert.labels, ParseLabels(Find(value, "labels"), path + ".labels"));
  const json* starts_at = Find(value, "startsAt");
  if (starts_at == nullptr || !starts_at->is_string()) {
    return Expected(path + ".startsAt", "a time", starts_at);
  }
  const auto time = crds::ParseTime(starts_at->get_ref<const std::string&>());
  if (!time) {
    return InvalidArgument(path +
                           ".startsAt: expected a time such as 2026-01-02T03:04:05Z, found \"" +
                           crds::Truncate(starts_at->get<std::string>(), 60) + "\"");
  }
  alert.starts_at = *time;
  if (const json* annotations = Find(value, "annotations");
      annotations != nullptr && annotations->is_object()) {
    for (const char* name : kSummaries) {
      const json* text = Find(*annotations, name);
      if (text == nullptr || !text->is_string()) continue;
      alert.summary = crds::Truncate(text->get_ref<const std::string&>(), 500);
      break;
    }
  }
  return alert;
}

}  // namespace

StatusOr<AlertmanagerMessage> ParseAlertmanager(std::string_view body) {
  const json message = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (message.is_discarded()) return InvalidArgument("the body is no JSON");
  if (!message.is_object()) return Expected("the body", "an object", &message);
  const json* version = Find(message, "version");
  if (version == nullptr || !version->is_string()) return Expected("version", "\"4\"", version);
  if (*version != "4") {
    return InvalidArgument("version: expected \"4\", found \"" +
                           crds::Truncate(version->get<std::string>(), 60) + "\"");
  }
  const json* alerts = Find(message, "alerts");
  if (alerts == nullptr || !alerts->is_array()) return Expected("alerts", "a list", alerts);
  if (alerts->size() > kMaxAlertsInMessage) {
    return InvalidArgument("alerts: more than " + std::to_string(kMaxAlertsInMessage) +
                           " at once; set max_alerts in webhook_configs");
  }
  AlertmanagerMessage result;
  if (const json* left_out = Find(message, "truncatedAlerts");
      left_out != nullptr && left_out->is_number_unsigned()) {
    result.left_out = left_out->get<size_t>();
  }
  for (size_t i = 0; i < alerts->size(); ++i) {
    KR_ASSIGN_OR_RETURN(Alert alert, ParseAlert((*alerts)[i], "alerts[" + std::to_string(i) + "]"));
    result.alerts.push_back(std::move(alert));
  }
  return result;
}

}  // namespace kr::signals
