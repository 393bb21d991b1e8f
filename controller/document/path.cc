#include "controller/document/path.h"

#include <algorithm>
#include <cctype>

namespace kr::document {
namespace {

bool IsPlain(std::string_view field) {
  return !field.empty() && std::all_of(field.begin(), field.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '$' || c == '/';
  });
}

class PathParser {
 public:
  explicit PathParser(std::string_view text) : text_(text) {}

  StatusOr<Path> Parse() {
    Path path;
    while (pos_ < text_.size()) {
      if (text_[pos_] == '?') {
        if (pos_ + 1 != text_.size()) return Error("'?' is only allowed at the end");
        path.depth = Depth::kPresence;
        break;
      }
      if (text_[pos_] == '[') {
        KR_RETURN_IF_ERROR(Bracket(path));
        continue;
      }
      if (text_[pos_] == '.') {
        if (path.steps.empty()) return Error("expected a field");
        ++pos_;
      } else if (!path.steps.empty()) {
        return Error("expected '.' or '['");
      }
      KR_RETURN_IF_ERROR(PlainField(path));
    }
    return path;
  }

 private:
  Status Error(std::string_view what) const {
    return InvalidArgument("path \"" + std::string(text_) + "\" at column " +
                           std::to_string(pos_ + 1) + ": " + std::string(what));
  }

  Status PlainField(Path& path) {
    const size_t end = std::min(text_.find_first_of(".[]?'\"\\", pos_), text_.size());
    if (end == pos_) return Error("expected a field");
    path.steps.push_back(Step::Field(std::string(text_.substr(pos_, end - pos_))));
    pos_ = end;
    return OkStatus();
  }

  Status Bracket(Path& path) {
    if (text_.substr(pos_).starts_with("[*]")) {
      path.steps.push_back(Step::Each());
      pos_ += 3;
      return OkStatus();
    }
    if (!text_.substr(pos_).starts_with("['")) return Error("expected [*] or ['field']");
    pos_ += 2;
    std::string field;
    for (; pos_ < text_.size() && text_[pos_] != '\''; ++pos_) {
      if (text_[pos_] == '\\' && ++pos_ == text_.size()) break;
      field.push_back(text_[pos_]);
    }
    if (!text_.substr(std::min(pos_, text_.size())).starts_with("']")) {
      return Error("expected '] after the field");
    }
    pos_ += 2;
    path.steps.push_back(Step::Field(std::move(field)));
    return OkStatus();
  }

  std::string_view text_;
  size_t pos_ = 0;
};

}  // namespace

StatusOr<Path> Path::Parse(std::string_view text) {
  return PathParser(text).Parse();
}

std::string Path::ToString() const {
  std::string text;
  for (const Step& step : steps) {
    if (step.kind == Step::Kind::kEach) {
      text += "[*]";
    } else if (IsPlain(step.field)) {
      if (!text.empty()) text += '.';
      text += step.field;
    } else {
      text += "['";
      for (const char c : step.field) {
        if (c == '\'' || c == '\\') text += '\\';
        text += c;
      }
      text += "']";
    }
  }
  if (depth == Depth::kPresence) text += '?';
  return text;
}

}  // namespace kr::document
