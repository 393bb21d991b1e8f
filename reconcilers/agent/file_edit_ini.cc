// INI files, systemd units among them: "[Section]" and "key=value" lines.
#include "reconcilers/agent/file_edit.h"
#include "reconcilers/agent/text_lines.h"

namespace kr::agent {

StatusOr<std::string> EditIni(std::string_view content, const std::vector<std::string>& path,
                              const crds::FileSetting& setting) {
  if (path.size() > 2) return InvalidArgument("expected /Section/key, or /key before any section");
  if (setting.value.find('\n') != std::string::npos) {
    return InvalidArgument("the value holds a line end");
  }
  const std::string& key = path.back();
  const std::string section = path.size() == 2 ? path[0] : "";
  std::vector<std::string> lines = SplitLines(content);
  std::string current;
  bool seen = section.empty();
  size_t end = 0;  // where a new key goes: after the last line of the section that says something
  std::string* found = nullptr;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = Trimmed(lines[i]);
    if (line.starts_with('[') && line.ends_with(']')) {
      current = line.substr(1, line.size() - 2);
      if (current == section) seen = true;
    }
    if (current != section) continue;
    if (!line.empty()) end = i + 1;
    const size_t equals = line.find('=');
    if (line.starts_with('#') || line.starts_with(';') || equals == std::string_view::npos)
      continue;
    if (Trimmed(line.substr(0, equals)) != key) continue;
    if (found != nullptr) return InvalidArgument("is there more than once");
    found = &lines[i];
  }
  if (found != nullptr) {
    size_t value = found->find('=') + 1;
    while (value < found->size() && (*found)[value] == ' ') ++value;
    *found = found->substr(0, value) + setting.value;
    return JoinLines(lines);
  }
  if (!seen) {
    DropEmptyEnd(lines);
    if (!lines.empty()) lines.emplace_back();
    lines.push_back("[" + section + "]");
    lines.push_back(key + "=" + setting.value);
    lines.emplace_back();
    return JoinLines(lines);
  }
  lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(end), key + "=" + setting.value);
  return JoinLines(lines);
}

}  // namespace kr::agent
