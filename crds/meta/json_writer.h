#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "crds/meta/fields.h"
#include "crds/meta/int_or_percent.h"
#include "crds/meta/raw_json.h"
#include "crds/meta/rules.h"

namespace kr::crds {

// Prints a struct as a JSON object. Left out: empty texts, lists, maps and objects, absent
// optionals, and 0 where a field must be at least 1. What its rules mark as clamped is cut to size,
// so that a long message cannot make the API server refuse a whole status.
class JsonWriter {
 public:
  static constexpr bool kReads = false;

  explicit JsonWriter(nlohmann::json& object) : object_(object) {}

  template <typename T>
  void Field(std::string_view name, const T& value, const Rules& rules = {}) {
    Put(name, ToValue(value, rules));
  }
  // Present and empty is not the same as absent: `selector: {}`.
  template <typename T>
  void Field(std::string_view name, const std::optional<T>& value, const Rules& rules = {}) {
    if (value) object_[std::string(name)] = ToValue(*value, rules);
  }
  void Field(std::string_view name, const RawJson& value, const Rules& rules = {});
  void Field(std::string_view name, const AnyJson& value, const Rules& rules = {});
  template <typename T, typename Describer>
  void Object(std::string_view name, const T& value, const Rules& /*rules*/, Describer describe) {
    nlohmann::json object = nlohmann::json::object();
    JsonWriter writer(object);
    describe(writer, value);
    Put(name, std::move(object));
  }
  template <typename T, typename Variant>
  void Alternative(std::string_view name, const Variant& variant, const Rules& rules = {}) {
    // Even when empty: its presence is the choice (`notify: {}`).
    if (const T* value = std::get_if<T>(&variant))
      object_[std::string(name)] = ToValue(*value, rules);
  }
  template <typename T, typename Variant>
  void InlineAlternative(const Variant& variant) {
    if (const T* value = std::get_if<T>(&variant)) Describe(*this, *value);
  }
  void ExactlyOne(std::string_view /*what*/) {}
  void IgnoreUnknown() {}

 private:
  using Json = nlohmann::json;
  // null and empty containers are left out.
  void Put(std::string_view name, Json value);

  static Json ToValue(const std::string& value, const Rules& rules);
  static Json ToValue(bool value, const Rules& rules);
  static Json ToValue(int64_t value, const Rules& rules);
  static Json ToValue(double value, const Rules& rules);
  static Json ToValue(absl::Duration value, const Rules& rules);
  static Json ToValue(absl::Time value, const Rules& rules);
  static Json ToValue(const IntOrPercent& value, const Rules& rules);
  static Json ToValue(const std::map<std::string, std::string>& value, const Rules& rules);
  template <typename T>
  static Json ToValue(const std::vector<T>& values, const Rules& rules) {
    Json list = Json::array();
    const size_t count = rules.clamp && rules.max_items > 0
                             ? std::min(values.size(), rules.max_items)
                             : values.size();
    for (size_t i = 0; i < count; ++i) {
      Json element = ToValue(values[i], rules);
      list.push_back(element.is_null() ? Json("") : std::move(element));
    }
    return list;
  }
  template <typename T>
  static Json ToValue(const T& value, const Rules& /*rules*/) {
    if constexpr (std::is_enum_v<T>) {
      return Json(EnumToString(value));
    } else {
      Json object = Json::object();
      JsonWriter writer(object);
      Describe(writer, value);
      return object;
    }
  }

  Json& object_;
};

}  // namespace kr::crds
