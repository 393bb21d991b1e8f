// YAML: the parser says where a value stands, the text is changed there, and the result is parsed
// again and compared with what it must mean.
#include <algorithm>
#include <optional>
#include <utility>

#include <yaml-cpp/yaml.h>

#include "reconcilers/agent/file_edit.h"

namespace kr::agent {
namespace {

using Path = std::vector<std::string>;

// Where a scalar of one line ends that begins at `from`; nullopt: it is another kind of scalar.
std::optional<size_t> EndOfScalar(std::string_view text, size_t from, const std::string& value) {
  if (from >= text.size()) return std::nullopt;
  const char first = text[from];
  const size_t line_end = std::min(text.find('\n', from), text.size());
  if (first == '"' || first == '\'') {
    for (size_t i = from + 1; i < line_end; ++i) {
      if (first == '"' && text[i] == '\\') {
        ++i;
      } else if (text[i] == first) {
        if (first == '\'' && i + 1 < line_end && text[i + 1] == first) {
          ++i;
          continue;
        }
        return i + 1;
      }
    }
    return std::nullopt;
  }
  if (value.empty() || text.substr(from, value.size()) != value) return std::nullopt;
  return from + value.size();
}

bool IsPlainFlag(std::string_view text) {
  return text.starts_with("--") && text.find(": ") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("-_./,:=@%+").find(c) != std::string_view::npos;
         });
}

bool Same(const YAML::Node& a, const YAML::Node& b) {
  if (a.Type() != b.Type()) return false;
  if (a.IsScalar()) return a.Scalar() == b.Scalar();
  if (a.size() != b.size()) return false;
  if (a.IsSequence()) {
    for (size_t i = 0; i < a.size(); ++i) {
      if (!Same(a[i], b[i])) return false;
    }
  }
  if (a.IsMap()) {
    for (const auto& entry : a) {
      const YAML::Node other = b[entry.first.Scalar()];
      if (!other || !Same(entry.second, other)) return false;
    }
  }
  return true;
}

// One change of a text: `length` bytes at `at` become `text`. `wanted` is what it then means.
struct Change {
  size_t at = 0;
  size_t length = 0;
  std::string text;
};

class Editor {
 public:
  Editor(std::string_view content, const Path& path, const crds::FileSetting& setting,
         std::string literal)
      : content_(content), path_(path), setting_(setting), literal_(std::move(literal)) {}

  StatusOr<std::string> Edit() {
    const std::vector<YAML::Node> documents = YAML::LoadAll(content_);
    if (documents.size() > 1) return InvalidArgument("the file holds more than one document");
    if (documents.empty() || documents[0].IsNull()) {
      if (!content_.empty() && content_.back() != '\n') content_ += '\n';
      return content_ + Nested(0, 0) + "\n";
    }
    YAML::Node wanted = YAML::Clone(documents[0]);
    KR_ASSIGN_OR_RETURN(const Change change, Find(documents[0], wanted));
    std::string edited = content_;
    edited.replace(change.at, change.length, change.text);
    if (!Same(YAML::Load(edited), wanted)) {
      return InvalidArgument("cannot be changed in place in a file that is written like this");
    }
    return edited;
  }

 private:
  // path_[from..] as nested maps, at `column`.
  std::string Nested(size_t from, size_t column) const {
    std::string text;
    for (size_t i = from; i < path_.size(); ++i) {
      if (i > from) text += "\n" + std::string(column + 2 * (i - from), ' ');
      text += Key(path_[i]) + ":";
    }
    return text + " " + literal_;
  }

  static std::string Key(const std::string& key) {
    const bool plain = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("-_./").find(c) != std::string_view::npos;
    });
    return plain && key[0] != '-' ? key : "\"" + key + "\"";
  }

  // Walks both trees; sets the value in `wanted`.
  StatusOr<Change> Find(YAML::Node node, YAML::Node wanted) {
    for (size_t i = 0; i < path_.size(); ++i) {
      const bool last = i + 1 == path_.size();
      if (node.IsSequence()) {
        if (last && path_[i].ends_with('=')) return FindElement(node, wanted);
        const auto index = Index(path_[i], node.size());
        if (!index) return InvalidArgument("there is no element " + path_[i]);
        node.reset(node[*index]);
        wanted.reset(wanted[*index]);
      } else if (node.IsMap()) {
        YAML::Node child = std::as_const(node)[path_[i]];
        if (!child) return AddEntry(node, wanted, i);
        node.reset(child);
        wanted.reset(wanted[path_[i]]);
      } else {
        return InvalidArgument("what is above " + path_[i] + " is neither a map nor a list");
      }
    }
    if (!node.IsScalar()) return InvalidArgument("is not a single value");
    wanted = setting_.value;
    return Replace(node, literal_);
  }

  StatusOr<Change> Replace(const YAML::Node& scalar, const std::string& text) const {
    const auto from = static_cast<size_t>(scalar.Mark().pos);
    const auto end = EndOfScalar(content_, from, scalar.Scalar());
    if (!end) return InvalidArgument("its value goes over several lines");
    // A value that is right already is not written in another way.
    const bool same = scalar.Scalar() == Meaning(text) && (scalar.Tag() == "!") == Quoted(text);
    return Change{from, *end - from, same ? content_.substr(from, *end - from) : text};
  }

  static bool Quoted(const std::string& text) { return text.starts_with('"'); }
  static std::string Meaning(const std::string& text) { return YAML::Load(text).Scalar(); }

  // The element of a list of texts that begins so, or a new one at its end.
  StatusOr<Change> FindElement(const YAML::Node& list, YAML::Node wanted) const {
    const std::string& prefix = path_.back();
    const std::string element = prefix + setting_.value;
    const std::string text =
        IsPlainFlag(element) ? element : *Literal({"", element, crds::ValueType::kText});
    std::optional<size_t> found;
    for (size_t i = 0; i < list.size(); ++i) {
      if (!list[i].IsScalar() || !list[i].Scalar().starts_with(prefix)) continue;
      if (found) return InvalidArgument("more than one element begins with " + prefix);
      found = i;
    }
    if (found) {
      wanted[*found] = element;
      if (list[*found].Scalar() == element) return Change{};
      return Replace(list[*found], text);
    }
    wanted.push_back(element);
    if (list.size() == 0 || !list[list.size() - 1].IsScalar()) {
      return InvalidArgument("nothing can be added to that list");
    }
    const YAML::Node last = list[list.size() - 1];
    const auto from = static_cast<size_t>(last.Mark().pos);
    const auto end = EndOfScalar(content_, from, last.Scalar());
    const size_t line = content_.rfind('\n', from) + 1;  // npos + 1 = 0
    const size_t dash = content_.find_last_of('-', from - 1);
    if (!end || from == 0 || dash == std::string::npos || dash < line) {
      return InvalidArgument("nothing can be added to a list that is written like this");
    }
    const size_t line_end = std::min(content_.find('\n', *end), content_.size());
    return Change{line_end, 0, "\n" + std::string(dash - line, ' ') + "- " + text};
  }

  // path_[from..] becomes the first entry of a block map.
  StatusOr<Change> AddEntry(const YAML::Node& map, YAML::Node wanted, size_t from) const {
    YAML::Node value(setting_.value);
    for (size_t i = path_.size(); i-- > from + 1;) {
      YAML::Node outer;
      outer[path_[i]] = value;
      value.reset(outer);
    }
    wanted[path_[from]] = value;
    const auto at = static_cast<size_t>(map.Mark().pos);
    const auto column = static_cast<size_t>(map.Mark().column);
    if (map.size() == 0 || at >= content_.size() || content_[at] == '{') {
      return InvalidArgument("nothing can be added to a map that is written like this");
    }
    return Change{at, 0, Nested(from, column) + "\n" + std::string(column, ' ')};
  }

  static std::optional<size_t> Index(const std::string& text, size_t size) {
    if (text.empty() || text.size() > 4) return std::nullopt;
    size_t index = 0;
    for (char c : text) {
      if (c < '0' || c > '9') return std::nullopt;
      index = index * 10 + static_cast<size_t>(c - '0');
    }
    return index < size ? std::optional(index) : std::nullopt;
  }

  std::string content_;
  const Path path_;
  const crds::FileSetting& setting_;
  const std::string literal_;
};

}  // namespace

StatusOr<std::string> EditYaml(std::string_view content, const std::vector<std::string>& path,
                               const crds::FileSetting& setting) {
  KR_ASSIGN_OR_RETURN(std::string literal, Literal(setting));
  try {
    return Editor(content, path, setting, std::move(literal)).Edit();
  } catch (const YAML::Exception& error) {
    return InvalidArgument("the file is not YAML: " + std::string(error.what()));
  }
}

}  // namespace kr::agent
