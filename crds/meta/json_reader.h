#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "crds/meta/field_lister.h"
#include "crds/meta/fields.h"
#include "crds/meta/int_or_percent.h"
#include "crds/meta/problems.h"
#include "crds/meta/raw_json.h"
#include "crds/meta/rules.h"

namespace kr::crds {

// Reads one JSON object into a struct, field by field, and reports everything that is wrong with
// it. A field that is absent or null keeps the default of the struct. After a problem the member
// holds its default: nobody should look at it. Never throws, whatever the JSON is.
class JsonReader {
 public:
  static constexpr bool kReads = true;

  // All three outlive the reader.
  JsonReader(const nlohmann::json& object, const FieldPath& path, Problems& problems);

  template <typename T>
  void Field(std::string_view name, T& value, const Rules& rules = {}) {
    if (const nlohmann::json* json = Find(name, rules.required)) {
      Read(*json, path_[name], rules, value);
    }
  }
  template <typename T, typename Describer>
  void Object(std::string_view name, T& value, const Rules& rules, Describer describe) {
    if (const nlohmann::json* json = Find(name, rules.required)) {
      ReadObject(*json, path_[name], problems_, [&](JsonReader& r) { describe(r, value); });
    }
  }
  template <typename T, typename Variant>
  void Alternative(std::string_view name, Variant& variant, const Rules& rules = {}) {
    if (const nlohmann::json* json = Find(name, false)) {
      if (Choose(name)) Read(*json, path_[name], rules, variant.template emplace<T>());
    }
  }
  template <typename T, typename Variant>
  void InlineAlternative(Variant& variant) {
    const std::vector<std::string> names = FieldNames<T>();
    const std::string_view present = FirstPresent(names);
    if (present.empty()) {
      Know(names);
    } else if (Choose(present)) {
      Describe(*this, variant.template emplace<T>());
    } else {
      Know(names);
    }
  }
  void ExactlyOne(std::string_view what);
  void IgnoreUnknown() { ignore_unknown_ = true; }

  // Reports the fields that nobody asked for.
  void Finish();

  template <typename Describer>
  static void ReadObject(const nlohmann::json& json, const FieldPath& path, Problems& problems,
                         Describer describe) {
    if (!ExpectObject(json, path, problems)) return;
    JsonReader reader(json, path, problems);
    describe(reader);
    reader.Finish();
  }

 private:
  // nullptr when the field is absent or null (a problem when it is required).
  const nlohmann::json* Find(std::string_view name, bool required);
  bool Choose(std::string_view name);
  std::string_view FirstPresent(const std::vector<std::string>& names) const;
  void Know(const std::vector<std::string>& names);
  static bool ExpectObject(const nlohmann::json& json, const FieldPath& path, Problems& problems);

  using Json = nlohmann::json;
  void Read(const Json& json, const FieldPath& path, const Rules& rules, std::string& value);
  void Read(const Json& json, const FieldPath& path, const Rules& rules, bool& value);
  void Read(const Json& json, const FieldPath& path, const Rules& rules, int64_t& value);
  void Read(const Json& json, const FieldPath& path, const Rules& rules, absl::Duration& value);
  void Read(const Json& json, const FieldPath& path, const Rules& rules, absl::Time& value);
  void Read(const Json& json, const FieldPath& path, const Rules& rules, IntOrPercent& value);
  void Read(const Json& json, const FieldPath& path, const Rules& rules, double& value);
  void Read(const Json& json, const FieldPath& path, const Rules& rules, RawJson& value);
  void Read(const Json& json, const FieldPath& path, const Rules& rules, AnyJson& value);
  void Read(const Json& json, const FieldPath& path, const Rules& rules,
            std::map<std::string, std::string>& value);
  template <typename T>
  void Read(const Json& json, const FieldPath& path, const Rules& rules, std::optional<T>& value) {
    Read(json, path, rules, value.emplace());
  }
  template <typename T>
  void Read(const Json& json, const FieldPath& path, const Rules& rules, std::vector<T>& value) {
    if (!ExpectList(json, path, rules)) return;
    value.resize(json.size());
    for (size_t i = 0; i < json.size(); ++i) Read(json[i], path[i], rules, value[i]);
  }
  template <typename T>
  void Read(const Json& json, const FieldPath& path, const Rules& /*rules*/, T& value) {
    if constexpr (std::is_enum_v<T>) {
      ReadEnum(json, path, value);
    } else {
      ReadObject(json, path, problems_, [&](JsonReader& r) { Describe(r, value); });
    }
  }
  template <typename E>
  void ReadEnum(const Json& json, const FieldPath& path, E& value) {
    std::vector<std::string_view> names;
    for (const auto& [known, name] : EnumNames<E>::kNames) {
      if (json.is_string() && json.get_ref<const std::string&>() == name) {
        value = known;
        return;
      }
      names.push_back(name);
    }
    RefuseEnum(
        json, path, names,
        json.is_string() ? EnumHint<E>(json.get_ref<const std::string&>()) : std::string_view());
  }
  bool ExpectList(const Json& json, const FieldPath& path, const Rules& rules);
  void CheckSize(const RawJson& value, const FieldPath& path, const Rules& rules);
  void CheckText(const std::string& text, const FieldPath& path, const Rules& rules);
  void RefuseEnum(const Json& json, const FieldPath& path,
                  const std::vector<std::string_view>& names, std::string_view hint);

  const Json& object_;
  const FieldPath& path_;
  Problems& problems_;
  std::vector<std::string> known_;
  std::string chosen_;  // alternative
  bool ignore_unknown_ = false;
};

}  // namespace kr::crds
