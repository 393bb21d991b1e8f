#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "crds/meta/fields.h"
#include "crds/meta/int_or_percent.h"
#include "crds/meta/raw_json.h"
#include "crds/meta/rules.h"

namespace kr::crds {

// The shapes that a field can have.
enum class FieldType {
  kText,
  kBool,
  kInteger,
  kNumber,
  kDuration,
  kTime,
  kIntOrPercent,
  kEnum,
  kTextMap,
  kFreeForm,  // an object whose fields are not ours
  kAnything,  // any value
  kObject,
};

struct FieldInfo {
  std::string path;  // "spec.triggers[].events.count"
  FieldType type = FieldType::kText;
  bool list = false;  // of `type`; an element's own fields are below "path[]"
  Rules rules;
  std::vector<std::string_view> enum_values;
  // What an absent field means, as JSON; "" for texts, lists, objects and optional fields.
  std::string default_value;
};

// Lists the fields of a type with everything below them, in the order of the description.
class FieldLister {
 public:
  static constexpr bool kReads = false;

  FieldLister(std::string prefix, std::vector<FieldInfo>& fields)
      : prefix_(std::move(prefix)), fields_(fields) {}

  template <typename T>
  void Field(std::string_view name, const T& value, const Rules& rules = {}) {
    const size_t index = fields_.size();
    Add<T>(name, rules, false);
    fields_[index].default_value = DefaultText(value);
  }
  template <typename T, typename Describer>
  void Object(std::string_view name, const T& value, const Rules& rules, Describer describe) {
    const std::string path = Append(name, FieldType::kObject, false, rules).path;
    FieldLister below(path + ".", fields_);
    describe(below, value);
  }
  template <typename T, typename Variant>
  void Alternative(std::string_view name, const Variant&, const Rules& rules = {}) {
    Add<T>(name, rules, false);
  }
  template <typename T, typename Variant>
  void InlineAlternative(const Variant&) {
    Describe(*this, kDefault<T>);
  }
  void ExactlyOne(std::string_view /*what*/) {}
  void IgnoreUnknown() {}

 private:
  template <typename T>
  inline static const T kDefault{};

  static std::string DefaultText(bool value);
  static std::string DefaultText(int64_t value);
  static std::string DefaultText(absl::Duration value);
  static std::string DefaultText(const IntOrPercent& value);
  static std::string DefaultText(const std::string& value);  // "" is no default
  template <typename T>
  static std::string DefaultText(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      return '"' + std::string(EnumToString(value)) + '"';
    } else {
      return "";
    }
  }

  template <typename T>
  struct Unwrap {
    using Type = T;
    static constexpr bool kOptional = false;
    static constexpr bool kList = false;
  };
  template <typename T>
  struct Unwrap<std::optional<T>> {
    using Type = T;
    static constexpr bool kOptional = true;
    static constexpr bool kList = false;
  };
  template <typename T>
  struct Unwrap<std::vector<T>> {
    using Type = T;
    static constexpr bool kOptional = false;
    static constexpr bool kList = true;
  };

  template <typename T>
  void Add(std::string_view name, const Rules& rules, bool list) {
    if constexpr (Unwrap<T>::kOptional || Unwrap<T>::kList) {
      Add<typename Unwrap<T>::Type>(name, rules, Unwrap<T>::kList);
    } else {
      FieldInfo& info = Append(name, TypeOf<T>(), list, rules);
      if constexpr (std::is_enum_v<T>) {
        for (const auto& [value, text] : EnumNames<T>::kNames) info.enum_values.push_back(text);
      } else if constexpr (TypeOf<T>() == FieldType::kObject) {
        FieldLister below(info.path + (list ? "[]." : "."), fields_);
        Describe(below, kDefault<T>);
      }
    }
  }

  template <typename T>
  static constexpr FieldType TypeOf() {
    if constexpr (std::is_same_v<T, std::string>) return FieldType::kText;
    if constexpr (std::is_same_v<T, bool>) return FieldType::kBool;
    if constexpr (std::is_same_v<T, int64_t>) return FieldType::kInteger;
    if constexpr (std::is_same_v<T, double>) return FieldType::kNumber;
    if constexpr (std::is_same_v<T, absl::Duration>) return FieldType::kDuration;
    if constexpr (std::is_same_v<T, absl::Time>) return FieldType::kTime;
    if constexpr (std::is_same_v<T, IntOrPercent>) return FieldType::kIntOrPercent;
    if constexpr (std::is_enum_v<T>) return FieldType::kEnum;
    if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) return FieldType::kTextMap;
    if constexpr (std::is_same_v<T, RawJson>) return FieldType::kFreeForm;
    if constexpr (std::is_same_v<T, AnyJson>) return FieldType::kAnything;
    return FieldType::kObject;
  }

  FieldInfo& Append(std::string_view name, FieldType type, bool list, const Rules& rules) {
    return fields_.emplace_back(
        FieldInfo{.path = prefix_ + std::string(name), .type = type, .list = list, .rules = rules});
  }

  std::string prefix_;
  std::vector<FieldInfo>& fields_;
};

template <typename T>
std::vector<FieldInfo> ListFields() {
  std::vector<FieldInfo> fields;
  FieldLister lister("", fields);
  const T value{};
  Describe(lister, value);
  return fields;
}

// The names of T's own fields, without what is below them.
template <typename T>
std::vector<std::string> FieldNames() {
  std::vector<std::string> names;
  for (const FieldInfo& field : ListFields<T>()) {
    if (field.path.find('.') == std::string::npos) names.push_back(field.path);
  }
  return names;
}

}  // namespace kr::crds
