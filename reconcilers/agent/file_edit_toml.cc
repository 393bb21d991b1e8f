// TOML by its lines: tables, keys (also dotted and quoted ones) and values of one line. Whatever a
// line-wise reader could take for something else (a value over several lines, an inline table on
// the way, an array of tables) is refused.
#include <algorithm>
#include <optional>
#include <utility>

#include "reconcilers/agent/file_edit.h"
#include "reconcilers/agent/text_lines.h"

namespace kr::agent {
namespace {

using Path = std::vector<std::string>;

bool IsBare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// A dotted key from `at` on; leaves `at` behind it. nullopt: that is none, or one with escapes.
std::optional<Path> ReadKey(std::string_view line, size_t& at) {
  Path path;
  const auto skip = [&] {
    while (at < line.size() && (line[at] == ' ' || line[at] == '\t')) ++at;
  };
  for (;;) {
    skip();
    if (at >= line.size()) return std::nullopt;
    if (line[at] == '"' || line[at] == '\'') {
      const size_t end = line.find(line[at], at + 1);
      if (end == std::string_view::npos) return std::nullopt;
      const std::string_view name = line.substr(at + 1, end - at - 1);
      if (line[at] == '"' && name.find('\\') != std::string_view::npos) return std::nullopt;
      path.emplace_back(name);
      at = end + 1;
    } else {
      const size_t from = at;
      while (at < line.size() && IsBare(line[at])) ++at;
      if (at == from) return std::nullopt;
      path.emplace_back(line.substr(from, at - from));
    }
    skip();
    if (at >= line.size() || line[at] != '.') return path;
    ++at;
  }
}

// How a value that begins at `at` goes on: where it ends in this line, or what has to come before
// it ends.
struct Extent {
  size_t end = std::string_view::npos;
  std::string closes;  // "]", "\"\"\"", "'''": it goes on in the next lines
  bool inline_table = false;
};

Extent ReadValue(std::string_view line, size_t at) {
  Extent extent;
  int brackets = 0, braces = 0;
  extent.inline_table = at < line.size() && line[at] == '{';
  size_t last = at;
  for (size_t i = at; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '#') break;
    if (c == '"' || c == '\'') {
      const std::string three(3, c);
      if (line.substr(i, 3) == three) {
        const size_t end = line.find(three, i + 3);
        if (end == std::string_view::npos) return {.closes = three};
        i = end + 2;
      } else {
        size_t end = i + 1;
        while (end < line.size() && line[end] != c) end += (c == '"' && line[end] == '\\') ? 2 : 1;
        if (end >= line.size()) return {.closes = "?"};
        i = end;
      }
    } else if (c == '[') {
      ++brackets;
    } else if (c == ']') {
      --brackets;
    } else if (c == '{') {
      ++braces;
    } else if (c == '}') {
      --braces;
    }
    if (c != ' ' && c != '\t' && c != '\r') last = i + 1;
  }
  if (brackets > 0) return {.closes = "]", .inline_table = extent.inline_table};
  if (braces > 0) return {.closes = "?"};
  extent.end = last;
  return extent;
}

bool IsPrefix(const Path& prefix, const Path& path) {
  return prefix.size() <= path.size() && std::equal(prefix.begin(), prefix.end(), path.begin());
}

std::string Written(const Path& path) {
  std::string text;
  for (const std::string& part : path) {
    if (!text.empty()) text += '.';
    const bool bare = !part.empty() && std::all_of(part.begin(), part.end(), IsBare);
    text += bare ? part : "'" + part + "'";
  }
  return text;
}

class Editor {
 public:
  Editor(std::string_view content, const Path& path, std::string value)
      : lines_(SplitLines(content)), path_(path), value_(std::move(value)) {}

  StatusOr<std::string> Edit() {
    for (at_ = 0; at_ < lines_.size(); ++at_) {
      const std::string_view line = Trimmed(lines_[at_]);
      if (line.empty() || line.starts_with('#')) continue;
      KR_RETURN_IF_ERROR(line.starts_with('[') ? OnTable(line) : OnKey());
    }
    if (done_) return JoinLines(lines_);
    Add();
    return JoinLines(lines_);
  }

 private:
  Status OnTable(std::string_view line) {
    const bool array = line.starts_with("[[");
    size_t at = array ? 2 : 1;
    auto table = ReadKey(line, at);
    if (!table || at >= line.size() || line[at] != ']') {
      return InvalidArgument("line " + std::to_string(at_ + 1) + " is not understood");
    }
    if (array && IsPrefix(*table, path_)) {
      return InvalidArgument(Written(*table) + " is a list of tables");
    }
    if (IsPrefix(path_, *table)) return InvalidArgument("is a table");
    table_ = *std::move(table);
    if (table_.size() + 1 == path_.size() && IsPrefix(table_, path_)) home_ = at_ + 1;
    return OkStatus();
  }

  Status OnKey() {
    const std::string_view line = lines_[at_];
    size_t at = 0;
    const auto key = ReadKey(line, at);
    if (!key || at >= line.size() || line[at] != '=') {
      return InvalidArgument("line " + std::to_string(at_ + 1) + " is not understood");
    }
    ++at;
    while (at < line.size() && (line[at] == ' ' || line[at] == '\t')) ++at;
    Path full = table_;
    full.insert(full.end(), key->begin(), key->end());
    const Extent extent = ReadValue(line, at);
    if (full == path_) {
      if (done_) return InvalidArgument("is there more than once");
      if (extent.end == std::string_view::npos) {
        return InvalidArgument("its value goes over several lines");
      }
      if (extent.inline_table) return InvalidArgument("is a table");
      lines_[at_] = std::string(line.substr(0, at)) + value_ + std::string(line.substr(extent.end));
      done_ = true;
      return OkStatus();
    }
    if (IsPrefix(path_, full)) return InvalidArgument("is a table");
    if (IsPrefix(full, path_)) return InvalidArgument(Written(full) + " is no table of its own");
    return SkipRest(extent.closes);
  }

  // Over the other lines of a value.
  Status SkipRest(const std::string& closes) {
    if (closes.empty()) return OkStatus();
    const size_t from = at_;
    if (closes == "]") {
      int depth = Depth(std::string_view(lines_[at_]).substr(lines_[at_].find('=') + 1));
      while (depth > 0 && ++at_ < lines_.size()) depth += Depth(lines_[at_]);
    } else if (closes != "?") {
      while (++at_ < lines_.size() && lines_[at_].find(closes) == std::string::npos) {
      }
    }
    if (closes == "?" || at_ >= lines_.size()) {
      return InvalidArgument("line " + std::to_string(from + 1) + " is not understood");
    }
    return OkStatus();
  }

  // How many brackets a line opens, less those that it closes.
  static int Depth(std::string_view line) {
    int depth = 0;
    for (size_t i = 0; i < line.size() && line[i] != '#'; ++i) {
      if (line[i] == '"' || line[i] == '\'') {
        const size_t end = line.find(line[i], i + 1);
        if (end == std::string_view::npos) return depth;
        i = end;
      }
      if (line[i] == '[') ++depth;
      if (line[i] == ']') --depth;
    }
    return depth;
  }

  void Add() {
    const std::string line = Written({path_.back()}) + " = " + value_;
    if (path_.size() == 1) {
      lines_.insert(lines_.begin(), line);
    } else if (home_) {
      std::string indent;
      if (*home_ < lines_.size()) {
        const std::string& next = lines_[*home_];
        const size_t text = next.find_first_not_of(" \t");
        if (text != std::string::npos && next[text] != '[') indent = next.substr(0, text);
      }
      lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(*home_), indent + line);
    } else {
      DropEmptyEnd(lines_);
      if (!lines_.empty()) lines_.emplace_back();
      lines_.push_back("[" + Written({path_.begin(), path_.end() - 1}) + "]");
      lines_.push_back(line);
      lines_.emplace_back();
    }
  }

  std::vector<std::string> lines_;
  const Path path_;
  const std::string value_;
  Path table_;
  std::optional<size_t> home_;  // the line after the header of its table
  size_t at_ = 0;
  bool done_ = false;
};

}  // namespace

StatusOr<std::string> EditToml(std::string_view content, const std::vector<std::string>& path,
                               const crds::FileSetting& setting) {
  for (const std::string& part : path) {
    if (part.find('\'') != std::string::npos) {
      return InvalidArgument("has a part with a quotation mark");
    }
  }
  KR_ASSIGN_OR_RETURN(std::string value, Literal(setting));
  return Editor(content, path, std::move(value)).Edit();
}

}  // namespace kr::agent
