#include "crds/meta/json_reader.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "crds/meta/duration.h"
#include "crds/meta/text.h"
#include "crds/meta/time.h"

namespace kr::crds {
namespace {

// A value as it appears in a message: short, on one line.
std::string Found(const nlohmann::json& json) {
  if (json.is_object()) return "an object";
  if (json.is_array()) return "a list";
  constexpr size_t kMaxShown = 60;
  return Truncate(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), kMaxShown);
}

std::string Expected(std::string_view what, const nlohmann::json& json) {
  return absl::StrCat("expected ", ToAbsl(what), ", found ", Found(json));
}

std::string Elements(size_t n) {
  return absl::StrCat(n, n == 1 ? " element" : " elements");
}

// nullopt when it is no integer, or too large for one.
std::optional<int64_t> Integer(const nlohmann::json& json) {
  if (!json.is_number_integer()) return std::nullopt;
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (json.is_number_unsigned() && json.get<uint64_t>() > kMax) return std::nullopt;
  return json.get<int64_t>();
}

// Labels, annotations and other maps of texts.
constexpr size_t kMaxMapEntries = 256;

}  // namespace

JsonReader::JsonReader(const nlohmann::json& object, const FieldPath& path, Problems& problems)
    : object_(object), path_(path), problems_(problems) {}

const nlohmann::json* JsonReader::Find(std::string_view name, bool required) {
  known_.emplace_back(name);
  auto found = object_.find(std::string(name));
  if (found != object_.end() && !found->is_null()) return &*found;
  if (required) problems_.Add(path_[name], "is required");
  return nullptr;
}

bool JsonReader::Choose(std::string_view name) {
  if (chosen_.empty()) {
    chosen_ = name;
    return true;
  }
  problems_.Add(path_, absl::StrCat(chosen_, " and ", ToAbsl(name), " exclude each other"));
  return false;
}

void JsonReader::ExactlyOne(std::string_view what) {
  if (!chosen_.empty()) return;
  // A misspelt one is reported as unknown, with a suggestion: once is enough.
  for (const auto& [name, value] : object_.items()) {
    if (std::find(known_.begin(), known_.end(), name) == known_.end()) return;
  }
  problems_.Add(path_, absl::StrCat("expected ", ToAbsl(what)));
}

std::string_view JsonReader::FirstPresent(const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    if (auto found = object_.find(name); found != object_.end() && !found->is_null()) return name;
  }
  return "";
}

void JsonReader::Know(const std::vector<std::string>& names) {
  known_.insert(known_.end(), names.begin(), names.end());
}

void JsonReader::Finish() {
  if (ignore_unknown_) return;
  for (const auto& [name, value] : object_.items()) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    const std::string_view nearest = Nearest(name, known_);
    problems_.Add(path_[name], nearest.empty() ? "unknown field"
                                               : absl::StrCat("unknown field, did you mean \"",
                                                              ToAbsl(nearest), "\"?"));
  }
}

bool JsonReader::ExpectObject(const Json& json, const FieldPath& path, Problems& problems) {
  if (json.is_object()) return true;
  problems.Add(path, Expected("an object", json));
  return false;
}

bool JsonReader::ExpectList(const Json& json, const FieldPath& path, const Rules& rules) {
  if (!json.is_array()) {
    problems_.Add(path, Expected("a list", json));
    return false;
  }
  if (json.size() < rules.min_items) {
    problems_.Add(path, absl::StrCat("expected at least ", Elements(rules.min_items)));
  }
  if (rules.max_items > 0 && json.size() > rules.max_items) {
    problems_.Add(path, absl::StrCat("expected at most ", Elements(rules.max_items), ", found ",
                                     json.size()));
    return false;
  }
  if (rules.unique_by.empty()) return true;
  std::map<std::string, size_t> seen;
  const bool whole = rules.unique_by == "*";
  for (size_t i = 0; i < json.size(); ++i) {
    const Json* key = &json[i];
    if (!whole) {
      if (!key->is_object()) continue;
      auto found = key->find(std::string(rules.unique_by));
      if (found == key->end()) continue;
      key = &*found;
    }
    if (!key->is_string()) continue;
    const auto [first, inserted] = seen.emplace(key->get_ref<const std::string&>(), i);
    if (inserted) continue;
    const FieldPath element = path[i];
    problems_.Add(
        whole ? element : element[rules.unique_by],
        absl::StrCat(Found(*key), " is already used by ", path[first->second].ToString()));
  }
  return true;
}

void JsonReader::CheckText(const std::string& text, const FieldPath& path, const Rules& rules) {
  if (text.size() < rules.min_length || (rules.required && text.empty())) {
    problems_.Add(path, "must not be empty");
    return;
  }
  if (rules.max_length > 0) {
    if (size_t length = CodePoints(text); length > rules.max_length) {
      problems_.Add(path, absl::StrCat("is ", length, " characters long, expected at most ",
                                       rules.max_length));
      return;
    }
  }
  if (rules.kind != nullptr && !rules.kind->matches(text)) {
    problems_.Add(path, Expected(rules.kind->expected, Json(text)));
  }
}

void JsonReader::Read(const Json& json, const FieldPath& path, const Rules& rules,
                      std::string& value) {
  if (!json.is_string()) {
    problems_.Add(path, Expected("a string", json));
    return;
  }
  value = json.get_ref<const std::string&>();
  CheckText(value, path, rules);
}

void JsonReader::Read(const Json& json, const FieldPath& path, const Rules& /*rules*/,
                      bool& value) {
  if (json.is_boolean()) {
    value = json.get<bool>();
  } else {
    problems_.Add(path, Expected("true or false", json));
  }
}

void JsonReader::Read(const Json& json, const FieldPath& path, const Rules& rules, int64_t& value) {
  const std::optional<int64_t> number = Integer(json);
  if (!number || *number < rules.min || (rules.max > 0 && *number > rules.max)) {
    const std::string to = rules.max > 0 ? absl::StrCat(" to ", rules.max) : "";
    problems_.Add(path, Expected(absl::StrCat("an integer from ", rules.min, to), json));
    return;
  }
  value = *number;
}

void JsonReader::Read(const Json& json, const FieldPath& path, const Rules& rules,
                      absl::Duration& value) {
  const std::optional<absl::Duration> duration =
      json.is_string() ? ParseDuration(json.get_ref<const std::string&>()) : std::nullopt;
  if (!duration || *duration < rules.min_duration || *duration > rules.max_duration) {
    problems_.Add(
        path, Expected(absl::StrCat("a duration from ", crds::FormatDuration(rules.min_duration),
                                    " to ", crds::FormatDuration(rules.max_duration),
                                    " such as \"90s\" or \"1h30m\""),
                       json));
    return;
  }
  value = *duration;
}

void JsonReader::Read(const Json& json, const FieldPath& path, const Rules& /*rules*/,
                      absl::Time& value) {
  const std::optional<absl::Time> time =
      json.is_string() ? ParseTime(json.get_ref<const std::string&>()) : std::nullopt;
  if (time) {
    value = *time;
  } else {
    problems_.Add(path, Expected("a time such as \"2026-01-02T03:04:05Z\"", json));
  }
}

void JsonReader::Read(const Json& json, const FieldPath& path, const Rules& rules,
                      IntOrPercent& value) {
  constexpr int64_t kMax = 1'000'000;
  std::optional<IntOrPercent> parsed;
  if (const std::optional<int64_t> number = Integer(json)) {
    if (*number <= kMax) parsed = IntOrPercent::Count(*number);
  } else if (json.is_string()) {
    parsed = IntOrPercent::Parse(json.get_ref<const std::string&>());
    if (parsed && !parsed->percent) parsed = std::nullopt;  // "3" is neither
  }
  if (!parsed || parsed->value < rules.min) {
    problems_.Add(path, Expected(absl::StrCat("a number from ", rules.min, " to ", kMax,
                                              ", or a share such as \"20%\""),
                                 json));
    return;
  }
  value = *parsed;
}

void JsonReader::Read(const Json& json, const FieldPath& path, const Rules& /*rules*/,
                      double& value) {
  if (json.is_number()) {
    value = json.get<double>();
  } else {
    problems_.Add(path, Expected("a number", json));
  }
}

void JsonReader::Read(const Json& json, const FieldPath& path, const Rules& rules, RawJson& value) {
  if (!rules.any_json && !ExpectObject(json, path, problems_)) return;
  value = RawJson(json);
  CheckSize(value, path, rules);
}

void JsonReader::Read(const Json& json, const FieldPath& path, const Rules& rules, AnyJson& value) {
  value = AnyJson(json);
  CheckSize(value, path, rules);
}

void JsonReader::CheckSize(const RawJson& value, const FieldPath& path, const Rules& rules) {
  if (rules.max_length > 0 && value.text().size() > rules.max_length) {
    problems_.Add(path, absl::StrCat("is ", value.text().size(), " bytes long, expected at most ",
                                     rules.max_length));
  }
}

void JsonReader::Read(const Json& json, const FieldPath& path, const Rules& rules,
                      std::map<std::string, std::string>& value) {
  if (!ExpectObject(json, path, problems_)) return;
  if (json.size() < rules.min_items) {
    problems_.Add(path, absl::StrCat("expected at least ", rules.min_items,
                                     rules.min_items == 1 ? " entry" : " entries"));
  }
  const size_t max = rules.max_items > 0 ? rules.max_items : kMaxMapEntries;
  if (json.size() > max) {
    problems_.Add(path, absl::StrCat("expected at most ", max, " entries, found ", json.size()));
    return;
  }
  for (const auto& [key, element] : json.items()) {
    Read(element, path[key], rules, value[key]);
  }
}

void JsonReader::RefuseEnum(const Json& json, const FieldPath& path,
                            const std::vector<std::string_view>& names, std::string_view hint) {
  std::vector<absl::string_view> shown;
  shown.reserve(names.size());
  for (std::string_view name : names) shown.push_back(ToAbsl(name));
  const std::string_view one_of = names.size() == 1 ? "" : "one of ";
  problems_.Add(path,
                absl::StrCat("expected ", ToAbsl(one_of), absl::StrJoin(shown, ", "), ", found ",
                             Found(json), hint.empty() ? "" : ": ", ToAbsl(hint)));
}

}  // namespace kr::crds
