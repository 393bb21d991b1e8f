#include "cmd/kube-remedy/config_reader.h"

#include <algorithm>
#include <utility>

#include "cmd/common/yaml_mark.h"
#include "cmd/kube-remedy/byte_count.h"
#include "crds/meta/duration.h"
#include "crds/meta/text.h"

namespace kr::cmd {
namespace {

std::string Join(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : std::string(path) + "." + std::string(key);
}

}  // namespace

ConfigReader::ConfigReader(const YAML::Node& root, std::string_view name) : name_(name) {
  Enter("", root);
}

void ConfigReader::Section(std::string_view key, absl::FunctionRef<void()> fields) {
  const YAML::Node* node = Take(key);
  Enter(PathOf(key), node == nullptr ? YAML::Node() : *node);
  fields();
  Leave();
}

void ConfigReader::Flag(std::string_view key, bool& value) {
  const std::string* text = Scalar(key);
  if (text == nullptr) return;
  if (*text != "true" && *text != "false") return Refuse(key, *text, "is neither true nor false");
  value = *text == "true";
}

void ConfigReader::Text(std::string_view key, std::string& value) {
  if (const std::string* text = Scalar(key)) value = *text;
}

void ConfigReader::Texts(std::string_view key, std::vector<std::string>& values) {
  const YAML::Node* node = Take(key);
  if (node == nullptr) return;
  if (!node->IsSequence()) return Add(PathOf(key), "must be a list of names");
  values.clear();
  for (const YAML::Node& element : *node) {
    if (!element.IsScalar() || element.Scalar().empty()) {
      return Add(PathOf(key), "must be a list of names");
    }
    values.push_back(element.Scalar());
  }
}

void ConfigReader::Choice(std::string_view key, std::string& value,
                          std::span<const std::string_view> allowed) {
  const std::string* text = Scalar(key);
  if (text == nullptr) return;
  std::string names;
  for (std::string_view name : allowed) {
    if (name == *text) {
      value = *text;
      return;
    }
    names.append(names.empty() ? "" : ", ").append(name);
  }
  Refuse(key, *text, "is not one of " + names);
}

void ConfigReader::Count(std::string_view key, size_t& value, size_t min, size_t max) {
  const std::string* text = Scalar(key);
  if (text == nullptr) return;
  const std::optional<size_t> number = ParseCount(*text);
  if (!number || *number < min || *number > max) {
    return Refuse(key, *text,
                  "is not a number from " + std::to_string(min) + " to " + std::to_string(max));
  }
  value = *number;
}

void ConfigReader::Bytes(std::string_view key, size_t& value, size_t min) {
  const std::string* text = Scalar(key);
  if (text == nullptr) return;
  const std::optional<size_t> number = ParseByteCount(*text);
  if (!number) return Refuse(key, *text, "is not a number of bytes, as in 512Ki or 16Mi");
  if (*number < min) return Refuse(key, *text, "must be at least " + FormatByteCount(min));
  value = *number;
}

void ConfigReader::Duration(std::string_view key, absl::Duration& value, absl::Duration min,
                            std::optional<absl::Duration> otherwise) {
  const std::string* text = Scalar(key);
  if (text == nullptr) {
    if (otherwise) value = *otherwise;
    return;
  }
  const std::optional<absl::Duration> duration = crds::ParseDuration(*text);
  if (!duration) return Refuse(key, *text, "is not a duration, as in 500ms, 30s, 5m or 24h");
  if (*duration < min) return Refuse(key, *text, "must be at least " + crds::FormatDuration(min));
  value = *duration;
}

void ConfigReader::Add(const std::string& path, std::string_view message) {
  AddAt(Where(path), path + ": " + std::string(message));
}

void ConfigReader::AddAt(const YAML::Mark& mark, std::string_view message) {
  const std::string where = mark.is_null() ? name_ : name_ + ":" + Position(mark);
  problems_.emplace(mark.pos, where + ": " + std::string(message));
}

Status ConfigReader::ToStatus() const {
  std::string lines;
  for (const auto& [position, problem] : problems_) {
    lines.append(lines.empty() ? "" : "\n").append(problem);
  }
  return problems_.empty() ? OkStatus() : InvalidArgument(lines);
}

std::string ConfigReader::PathOf(std::string_view key) const {
  return Join(levels_.back().path, key);
}

// The position of the key, or of the mapping that lacks it; null when that is not there either.
YAML::Mark ConfigReader::Where(std::string path) const {
  for (;;) {
    const auto mark = marks_.find(path);
    if (mark != marks_.end()) return mark->second;
    const size_t dot = path.rfind('.');
    if (dot == path.npos) return YAML::Mark::null_mark();
    path.resize(dot);
  }
}

void ConfigReader::Enter(std::string path, const YAML::Node& node) {
  Level level{.path = std::move(path), .values = {}, .known = {}};
  if (node.IsMap()) {
    for (const auto& entry : node) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "?";
      const std::string full = Join(level.path, key);
      marks_[full] = entry.first.Mark();
      if (!level.values.emplace(key, entry.second).second) Add(full, "is there twice");
    }
  } else if (node.IsDefined() && !node.IsNull()) {
    AddAt(node.Mark(),
          (level.path.empty() ? "the file" : level.path) + " must be a mapping of keys to values");
  }
  levels_.push_back(std::move(level));
}

void ConfigReader::Leave() {
  const Level level = std::move(levels_.back());
  levels_.pop_back();
  for (const auto& [key, value] : level.values) {
    if (std::find(level.known.begin(), level.known.end(), key) != level.known.end()) continue;
    const std::string nearest(crds::Nearest(key, level.known));
    Add(Join(level.path, key),
        nearest.empty() ? "unknown key" : "unknown key, did you mean " + nearest + "?");
  }
}

// The value of a key; nullptr when it is not there, or null.
const YAML::Node* ConfigReader::Take(std::string_view key) {
  Level& level = levels_.back();
  level.known.emplace_back(key);
  const auto value = level.values.find(std::string(key));
  if (value == level.values.end() || value->second.IsNull()) return nullptr;
  return &value->second;
}

const std::string* ConfigReader::Scalar(std::string_view key) {
  const YAML::Node* node = Take(key);
  if (node == nullptr) return nullptr;
  if (node->IsScalar()) return &node->Scalar();
  Add(PathOf(key), node->IsMap() ? "must be a single value, not a mapping"
                                 : "must be a single value, not a list");
  return nullptr;
}

void ConfigReader::Refuse(std::string_view key, std::string_view value, std::string_view why) {
  Add(PathOf(key), "\"" + std::string(value) + "\" " + std::string(why));
}

}  // namespace kr::cmd
