#include "cmd/common/yaml_text.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"

namespace kr::cmd {
namespace {

using nlohmann::json;

// What some reader of YAML 1.1 or 1.2 takes for something else than a string.
constexpr std::array<std::string_view, 12> kWords = {"true", "false", "yes", "no",   "on", "off",
                                                     "y",    "n",     "~",   "null", "=",  "<<"};

bool IsPlain(const std::string& text) {
  if (text.empty()) return false;
  if (!absl::ascii_isalpha(static_cast<unsigned char>(text.front())) && text.front() != '/') {
    return false;
  }
  const bool harmless = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' || c == '/' || c == ' ' ||
           c == '(' || c == ')';
  });
  if (!harmless || text.back() == ' ') return false;
  const std::string lower = absl::AsciiStrToLower(text);
  return std::find(kWords.begin(), kWords.end(), lower) == kWords.end();
}

std::string Scalar(const json& value) {
  if (value.is_string() && IsPlain(value.get_ref<const std::string&>())) {
    return value.get<std::string>();
  }
  // What JSON writes is YAML, too.
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool IsBlock(const json& value) {
  return value.is_structured() && !value.empty();
}

void Write(const json& value, const std::string& indent, std::string& text);

// Behind "key:" or "-".
void WriteInner(const json& value, const std::string& indent, bool in_list, std::string& text) {
  if (!IsBlock(value)) {
    text += " " + Scalar(value) + "\n";
    return;
  }
  if (in_list) {
    // The first line of the block stands behind the dash.
    std::string inner;
    Write(value, indent + "  ", inner);
    text += " " + inner.substr(indent.size() + 2);
    return;
  }
  text += "\n";
  // A list stands below its key without indentation, as kubectl prints it.
  Write(value, value.is_array() ? indent : indent + "  ", text);
}

void Write(const json& value, const std::string& indent, std::string& text) {
  if (!IsBlock(value)) {
    text += indent + Scalar(value) + "\n";
  } else if (value.is_array()) {
    for (const json& element : value) {
      text += indent + "-";
      WriteInner(element, indent, /*in_list=*/true, text);
    }
  } else {
    for (const auto& [key, element] : value.items()) {
      text += indent + Scalar(json(key)) + ":";
      WriteInner(element, indent, /*in_list=*/false, text);
    }
  }
}

}  // namespace

std::string ToYaml(const json& value) {
  std::string text;
  Write(value, "", text);
  return text;
}

}  // namespace kr::cmd
