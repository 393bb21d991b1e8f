#include "crds/v1alpha1/validate_node.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "crds/meta/text.h"
#include "crds/v1alpha1/node_command_fields.h"
#include "crds/v1alpha1/placeholders.h"

namespace kr::crds {
namespace {

bool MatchesHostPath(std::string_view s) {
  if (s.size() < 2 || s[0] != '/' || s.back() == '/') return false;
  return s.find("//") == std::string_view::npos && s.find('\n') == std::string_view::npos;
}

bool MatchesAnchored(std::string_view s) {
  return s.size() >= 2 && s.front() == '^' && s.back() == '$' &&
         s.find('\n') == std::string_view::npos;
}

// Which names $(...) may have.
class Names {
 public:
  explicit Names(const std::vector<CommandParameter>* parameters) : parameters_(parameters) {}

  void Check(std::string_view text, bool file, const FieldPath& path, Problems& problems) const {
    if (parameters_ == nullptr) return;  // they are filled in
    for (const TextPiece& piece : CutPlaceholders(text)) {
      if (!piece.is_name || (file && piece.text == kFilePlaceholder)) continue;
      const bool known = std::any_of(parameters_->begin(), parameters_->end(),
                                     [&](const auto& p) { return p.name == piece.text; });
      if (known) continue;
      problems.Add(path, absl::StrCat("$(", Truncate(piece.text, 60),
                                      ") is no parameter of spec.parameters ($$( stands for $()"));
    }
  }

 private:
  const std::vector<CommandParameter>* parameters_;
};

void ValidateArgv(const std::vector<std::string>& argv, bool file, const Names& names,
                  const FieldPath& path, Problems& problems) {
  if (argv.empty()) return;
  if (!MatchesHostPath(argv[0]) || !IsPlainPath(argv[0]) ||
      argv[0].find("$(") != std::string::npos) {
    problems.Add(path[size_t{0}],
                 absl::StrCat("expected the absolute path of a program (there is no shell and no "
                              "PATH), found \"",
                              Truncate(argv[0], 60), "\""));
  }
  for (size_t i = 1; i < argv.size(); ++i) {
    if (argv[i].find('\0') != std::string::npos) {
      problems.Add(path[i], "holds a zero byte");
    }
    names.Check(argv[i], file, path[i], problems);
  }
}

void ValidateFile(const EditFile& edit, const Names& names, const FieldPath& path,
                  Problems& problems) {
  if (!IsPlainPath(edit.path)) {
    problems.Add(path["path"], "must not hold the parts \".\" and \"..\"");
  }
  names.Check(edit.path, false, path["path"], problems);
  const FieldPath set = path["set"];
  for (size_t i = 0; i < edit.set.size(); ++i) {
    const FieldPath element = set[i];
    if (edit.format != FileFormat::kText && !kJsonPointer.matches(edit.set[i].path)) {
      problems.Add(element["path"], absl::StrCat("expected ", ToAbsl(kJsonPointer.expected)));
    }
    if (edit.format == FileFormat::kText) {
      if (edit.set[i].type != ValueType::kText) {
        problems.Add(element["type"], "expected Text: a text file knows no other");
      }
    } else {
      names.Check(edit.set[i].path, false, element["path"], problems);
    }
    names.Check(edit.set[i].value, false, element["value"], problems);
  }
  ValidateArgv(edit.validate, true, names, path["validate"], problems);
  ValidateArgv(edit.reload, false, names, path["reload"], problems);
  ValidateArgv(edit.rollback_unless, false, names, path["rollbackUnless"], problems);
}

void ValidateAll(const std::vector<HostCommand>& commands, const Names& names,
                 const FieldPath& path, Problems& problems) {
  for (size_t i = 0; i < commands.size(); ++i) {
    const FieldPath element = path[i];
    const HostCommand& command = commands[i];
    if (command.argv.empty() == !command.edit_file.has_value()) {
      problems.Add(element, "expected exactly one of argv and editFile");
    }
    ValidateArgv(command.argv, false, names, element["argv"], problems);
    if (command.edit_file) {
      ValidateFile(*command.edit_file, names, element["editFile"], problems);
    }
  }
}

}  // namespace

const TextKind kHostPath{"^(/[^/\\n]+)+$", "an absolute path such as \"/etc/crictl.yaml\"",
                         MatchesHostPath};
const TextKind kAnchoredPattern{"^\\^.*\\$$", "a pattern that begins with '^' and ends with '$'",
                                MatchesAnchored};

bool IsPlainPath(std::string_view path) {
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    if (part == "." || part == "..") return false;
    at = end + 1;
  }
  return true;
}

void Validate(const NodeCommandSpec& spec, const FieldPath& path, Problems& problems) {
  const FieldPath parameters = path["parameters"];
  for (size_t i = 0; i < spec.parameters.size(); ++i) {
    const CommandParameter& parameter = spec.parameters[i];
    if (parameter.name == kFilePlaceholder) {
      problems.Add(parameters[i]["name"], "$(file) is the candidate of editFile.validate");
    }
    if (parameter.optional && parameter.default_value) {
      problems.Add(parameters[i]["optional"], "excludes default: with one it always has a value");
    }
  }
  ValidateAll(spec.commands, Names(&spec.parameters), path["commands"], problems);
}

void ValidateCommands(const std::vector<HostCommand>& commands, const FieldPath& path,
                      Problems& problems) {
  ValidateAll(commands, Names(nullptr), path, problems);
}

std::string_view ToString(FileFormat format) {
  return EnumToString(format);
}
std::string_view ToString(ValueType type) {
  return EnumToString(type);
}
std::string_view ToString(CommandFailure failure) {
  return EnumToString(failure);
}

}  // namespace kr::crds
