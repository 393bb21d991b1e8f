#include "reconcilers/agent/file_edit.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>
#include <re2/re2.h>

#include "reconcilers/agent/text_lines.h"

namespace kr::agent {
namespace {

std::vector<std::string> PointerParts(std::string_view pointer) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      parts.emplace_back();
    } else if (pointer[i] == '~' && i + 1 < pointer.size()) {
      parts.back() += pointer[++i] == '1' ? '/' : '~';
    } else if (!parts.empty()) {
      parts.back() += pointer[i];
    }
  }
  return parts;
}

StatusOr<std::string> EditText(std::string_view content, const crds::FileSetting& setting) {
  const RE2 pattern(setting.path, RE2::Quiet);
  if (!pattern.ok()) return InvalidArgument("is no pattern: " + pattern.error());
  if (setting.value.find('\n') != std::string::npos) {
    return InvalidArgument("the new line holds a line end");
  }
  std::vector<std::string> lines = SplitLines(content);
  std::string* match = nullptr;
  for (std::string& line : lines) {
    if (!RE2::FullMatch(line, pattern)) continue;
    if (match != nullptr) return InvalidArgument("matches more than one line");
    match = &line;
  }
  if (match == nullptr) {
    const bool there = std::find(lines.begin(), lines.end(), setting.value) != lines.end();
    if (there) return std::string(content);
    return InvalidArgument("matches no line");
  }
  *match = setting.value;
  return JoinLines(lines);
}

StatusOr<std::string> EditOne(crds::FileFormat format, std::string_view content,
                              const crds::FileSetting& setting) {
  if (format == crds::FileFormat::kText) return EditText(content, setting);
  const std::vector<std::string> path = PointerParts(setting.path);
  switch (format) {
    case crds::FileFormat::kYaml:
      return EditYaml(content, path, setting);
    case crds::FileFormat::kToml:
      return EditToml(content, path, setting);
    default:
      return EditIni(content, path, setting);
  }
}

bool IsInteger(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.size() <= 18 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

StatusOr<std::string> EditContent(crds::FileFormat format, std::string_view content,
                                  const std::vector<crds::FileSetting>& set) {
  std::string edited(content);
  for (const crds::FileSetting& setting : set) {
    StatusOr<std::string> next = EditOne(format, edited, setting);
    if (!next.ok()) return Annotate(next.status(), "set " + setting.path);
    edited = *std::move(next);
  }
  return edited;
}

StatusOr<std::string> Literal(const crds::FileSetting& setting) {
  switch (setting.type) {
    case crds::ValueType::kInteger:
      if (!IsInteger(setting.value)) {
        return InvalidArgument("expected an integer, got \"" + setting.value + "\"");
      }
      return setting.value;
    case crds::ValueType::kBoolean:
      if (setting.value != "true" && setting.value != "false") {
        return InvalidArgument("expected true or false, got \"" + setting.value + "\"");
      }
      return setting.value;
    case crds::ValueType::kText:
      break;
  }
  // JSON's strings are strings of TOML and of YAML as well.
  return nlohmann::json(setting.value)
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace kr::agent
