#include "reconcilers/policy/params.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>
#include <re2/re2.h>

#include "crds/meta/text.h"

namespace kr::policy {
namespace {

using cel::Type;
using cel::Value;
using crds::Param;
using crds::ParamType;
using nlohmann::json;

// A value as a message shows it.
std::string Found(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  constexpr size_t kMaxShown = 60;
  return crds::Truncate(value.dump(-1, ' ', false, json::error_handler_t::replace), kMaxShown);
}

std::string Number(double number) {
  return json(number == static_cast<double>(static_cast<int64_t>(number))
                  ? json(static_cast<int64_t>(number))
                  : json(number))
      .dump();
}

const char* Expected(ParamType type) {
  switch (type) {
    case ParamType::kString:
      return "a string";
    case ParamType::kInteger:
      return "an integer";
    case ParamType::kNumber:
      return "a number";
    case ParamType::kBoolean:
      return "true or false";
    case ParamType::kArray:
      return "a list (JSON)";
    case ParamType::kObject:
      return "an object (JSON)";
  }
  return "";
}

bool HasType(const json& value, ParamType type) {
  switch (type) {
    case ParamType::kString:
      return value.is_string();
    case ParamType::kInteger:
      // Larger ones are no integers of CEL.
      return value.is_number_integer() &&
             !(value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX});
    case ParamType::kNumber:
      return value.is_number();
    case ParamType::kBoolean:
      return value.is_boolean();
    case ParamType::kArray:
      return value.is_array();
    case ParamType::kObject:
      return value.is_object();
  }
  return false;
}

RE2::Options PatternOptions() {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(256 << 10);
  return options;
}

// What is wrong with a text that is to be one of a few; OK when nothing is.
Status CheckAllowed(const std::vector<std::string>& allowed, const std::string& text,
                    std::string_view what) {
  if (allowed.empty() || std::find(allowed.begin(), allowed.end(), text) != allowed.end()) {
    return OkStatus();
  }
  std::string names;
  for (const std::string& name : allowed) names += (names.empty() ? "" : ", ") + name;
  return InvalidArgument(std::string(what) + " " + Found(text) + ", expected one of " + names);
}

// What is wrong with a value; OK when nothing is.
Status CheckValue(const Param& param, const json& value) {
  if (!HasType(value, param.type)) {
    return InvalidArgument(std::string("expected ") + Expected(param.type) + ", found " +
                           Found(value));
  }
  if (value.is_number()) {
    const double number = value.get<double>();
    if (param.minimum && number < *param.minimum) {
      return InvalidArgument("is " + Found(value) + ", expected at least " +
                             Number(*param.minimum));
    }
    if (param.maximum && number > *param.maximum) {
      return InvalidArgument("is " + Found(value) + ", expected at most " + Number(*param.maximum));
    }
  }
  const size_t size =
      value.is_string() ? crds::CodePoints(value.get_ref<const std::string&>()) : value.size();
  if (param.max_length && size > static_cast<size_t>(*param.max_length)) {
    const char* unit = value.is_string()  ? " characters"
                       : value.is_array() ? " elements"
                                          : " entries";
    return InvalidArgument("has " + std::to_string(size) + unit + ", expected at most " +
                           std::to_string(*param.max_length));
  }
  if (value.is_object()) {
    for (const auto& [key, entry] : value.items()) {
      KR_RETURN_IF_ERROR(CheckAllowed(param.allowed, key, "has the key"));
    }
  }
  if (!value.is_string()) return OkStatus();
  const std::string& text = value.get_ref<const std::string&>();
  if (!param.pattern.empty() && !RE2::FullMatch(text, RE2(param.pattern, PatternOptions()))) {
    return InvalidArgument("is " + Found(value) + ", which does not match " + param.pattern);
  }
  return CheckAllowed(param.allowed, text, "is");
}

// A text as a value of the type; what is none stays a text, for CheckValue to refuse.
json ParseText(ParamType type, const std::string& text) {
  if (type == ParamType::kString) return text;
  json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_discarded() || value.is_null() ? json(text) : value;
}

Type TypeOf(ParamType type) {
  switch (type) {
    case ParamType::kString:
      return Type::String();
    case ParamType::kInteger:
      return Type::Int();
    case ParamType::kNumber:
      return Type::Double();
    case ParamType::kBoolean:
      return Type::Bool();
    case ParamType::kArray:
      return Type::List(Type::Dyn());
    case ParamType::kObject:
      return Type::Map(Type::String(), Type::Dyn());
  }
  return Type::Dyn();
}

}  // namespace

Status CheckParams(const std::vector<Param>& params) {
  for (size_t i = 0; i < params.size(); ++i) {
    const std::string path = "spec.params[" + std::to_string(i) + "]";
    const RE2 pattern(params[i].pattern, PatternOptions());
    if (!pattern.ok()) return InvalidArgument(path + ".pattern: " + pattern.error());
    if (params[i].default_value.empty()) continue;
    KR_RETURN_IF_ERROR(
        Annotate(CheckValue(params[i], params[i].default_value.Parse()), path + ".default"));
  }
  return OkStatus();
}

StatusOr<std::vector<Param>> WithValues(std::vector<Param> params, const json& values) {
  std::vector<std::string_view> names;
  for (const Param& param : params) names.push_back(param.name);
  for (const auto& [name, value] : values.items()) {
    const auto param = std::find_if(params.begin(), params.end(),
                                    [&](const Param& declared) { return declared.name == name; });
    if (param == params.end()) {
      const std::string_view nearest = crds::Nearest(name, names);
      return InvalidArgument(
          "params." + name + ": is not declared in spec.params" +
          (nearest.empty() ? "" : ", did you mean \"" + std::string(nearest) + "\"?"));
    }
    KR_RETURN_IF_ERROR(Annotate(CheckValue(*param, value), "params." + name));
    param->default_value = crds::AnyJson(value);
  }
  for (const Param& param : params) {
    if (param.default_value.empty()) {
      return InvalidArgument("params." + param.name +
                             ": is required, the parameter has no default");
    }
  }
  return params;
}

StatusOr<std::vector<Param>> WithTexts(std::vector<Param> params,
                                       const std::map<std::string, std::string>& texts) {
  for (Param& param : params) {
    const auto text = texts.find(param.name);
    if (text != texts.end()) {
      const json value = ParseText(param.type, text->second);
      KR_RETURN_IF_ERROR(Annotate(CheckValue(param, value), "data." + param.name));
      param.default_value = crds::AnyJson(value);
    } else if (param.default_value.empty()) {
      return InvalidArgument("data." + param.name + ": is required, the parameter has no default");
    }
  }
  return params;
}

Type ParamsType(const std::vector<Param>& params) {
  std::map<std::string, Type> fields;
  for (const Param& param : params) fields[param.name] = TypeOf(param.type);
  return Type::Object(std::move(fields));
}

Value ParamsValue(const std::vector<Param>& params) {
  std::vector<std::pair<std::string, Value>> fields;
  for (const Param& param : params) {
    Value value;
    if (param.default_value.empty()) {
      value = Value::Error(FailedPrecondition("params." + param.name +
                                              ": has no default, and the run does not give it"));
    } else if (const json given = param.default_value.Parse();
               param.type == ParamType::kNumber && given.is_number()) {
      value = Value::Double(given.get<double>());
    } else {
      value = Value::FromJson(given);
    }
    fields.emplace_back(param.name, std::move(value));
  }
  return Value::Record(std::move(fields));
}

}  // namespace kr::policy
