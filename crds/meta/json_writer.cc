#include "crds/meta/json_writer.h"

#include "crds/meta/duration.h"
#include "crds/meta/text.h"
#include "crds/meta/time.h"

namespace kr::crds {

void JsonWriter::Put(std::string_view name, Json value) {
  if (value.is_null() || (value.is_structured() && value.empty())) return;
  object_[std::string(name)] = std::move(value);
}

void JsonWriter::Field(std::string_view name, const RawJson& value, const Rules&) {
  if (!value.empty()) object_[std::string(name)] = value.Parse();
}

void JsonWriter::Field(std::string_view name, const AnyJson& value, const Rules& rules) {
  Field(name, static_cast<const RawJson&>(value), rules);
}

nlohmann::json JsonWriter::ToValue(const std::string& value, const Rules& rules) {
  if (value.empty()) return nullptr;
  return rules.clamp && rules.max_length > 0 ? Truncate(value, rules.max_length) : value;
}

nlohmann::json JsonWriter::ToValue(bool value, const Rules&) {
  return value;
}

nlohmann::json JsonWriter::ToValue(int64_t value, const Rules& rules) {
  return value == 0 && rules.min > 0 ? Json() : Json(value);
}

nlohmann::json JsonWriter::ToValue(double value, const Rules&) {
  return value;
}

nlohmann::json JsonWriter::ToValue(absl::Duration value, const Rules&) {
  return crds::FormatDuration(value);
}

nlohmann::json JsonWriter::ToValue(absl::Time value, const Rules&) {
  return crds::FormatTime(value);
}

nlohmann::json JsonWriter::ToValue(const IntOrPercent& value, const Rules&) {
  return value.percent ? Json(value.ToString()) : Json(value.value);
}

nlohmann::json JsonWriter::ToValue(const std::map<std::string, std::string>& value, const Rules&) {
  Json object = Json::object();
  for (const auto& [key, text] : value) object[key] = text;
  return object;
}

}  // namespace kr::crds
