#include "reconcilers/node/parameters.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <re2/re2.h>

#include "absl/strings/str_cat.h"
#include "crds/meta/text.h"
#include "crds/v1alpha1/placeholders.h"
#include "crds/v1alpha1/validate_node.h"

namespace kr::node {
namespace {

// As a whole, whatever the anchors say: "^a|b$" lets nothing pass that merely begins with an a.
bool Matches(const std::string& value, const std::string& pattern) {
  const RE2 re(pattern, RE2::Quiet);
  return re.ok() && RE2::FullMatch(value, re) && value.find('\0') == std::string::npos;
}

Status Mismatch(const crds::CommandParameter& parameter, const std::string& value) {
  return InvalidArgument("parameter " + parameter.name + ": \"" + crds::Truncate(value, 100) +
                         "\" does not match " + parameter.pattern);
}

// nullopt: it names a parameter that has no value.
std::optional<std::string> Fill(std::string_view text, const Values& values, bool file) {
  std::string filled;
  for (crds::TextPiece& piece : crds::CutPlaceholders(text)) {
    if (!piece.is_name) {
      filled += piece.text;
    } else if (file && piece.text == crds::kFilePlaceholder) {
      filled += "$(file)";
    } else if (auto value = values.find(piece.text); value != values.end()) {
      filled += value->second;
    } else {
      return std::nullopt;
    }
  }
  return filled;
}

std::vector<std::string> FillArguments(const std::vector<std::string>& argv, const Values& values,
                                       bool file = false) {
  std::vector<std::string> filled;
  for (const std::string& argument : argv) {
    if (auto text = Fill(argument, values, file)) filled.push_back(*std::move(text));
  }
  return filled;
}

// A value goes into the pointer as one part of it.
std::string EscapedForPointer(const std::string& value) {
  std::string escaped;
  for (char c : value) {
    if (c == '~') {
      escaped += "~0";
    } else if (c == '/') {
      escaped += "~1";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::optional<crds::EditFile> FillFile(const crds::EditFile& edit, const Values& values) {
  crds::EditFile filled{.format = edit.format};
  auto path = Fill(edit.path, values, false);
  if (!path) return std::nullopt;
  filled.path = *std::move(path);
  Values in_pointer = values;
  for (auto& [name, value] : in_pointer) value = EscapedForPointer(value);
  for (const crds::FileSetting& setting : edit.set) {
    auto value = Fill(setting.value, values, false);
    auto place = edit.format == crds::FileFormat::kText ? std::optional(setting.path)
                                                        : Fill(setting.path, in_pointer, false);
    if (value && place) filled.set.push_back({*std::move(place), *std::move(value), setting.type});
  }
  if (filled.set.empty()) return std::nullopt;
  filled.validate = FillArguments(edit.validate, values, /*file=*/true);
  filled.reload = FillArguments(edit.reload, values);
  filled.rollback_unless = FillArguments(edit.rollback_unless, values);
  return filled;
}

}  // namespace

Status CheckPatterns(const crds::NodeCommandSpec& spec) {
  for (size_t i = 0; i < spec.parameters.size(); ++i) {
    const crds::CommandParameter& parameter = spec.parameters[i];
    const std::string field = "spec.parameters[" + std::to_string(i) + "]";
    if (const RE2 re(parameter.pattern, RE2::Quiet); !re.ok()) {
      return InvalidArgument(field + ".pattern: " + re.error());
    }
    if (parameter.default_value && !Matches(*parameter.default_value, parameter.pattern)) {
      return Annotate(Mismatch(parameter, *parameter.default_value), field + ".default");
    }
  }
  for (size_t i = 0; i < spec.commands.size(); ++i) {
    const auto& edit = spec.commands[i].edit_file;
    if (!edit || edit->format != crds::FileFormat::kText) continue;
    for (const crds::FileSetting& setting : edit->set) {
      const RE2 re(setting.path, RE2::Quiet);
      if (re.ok()) continue;
      return InvalidArgument("spec.commands[" + std::to_string(i) +
                             "].editFile.set: " + setting.path + " is no pattern: " + re.error());
    }
  }
  return OkStatus();
}

StatusOr<Values> ResolveParameters(const crds::NodeCommandSpec& spec, const Values& given) {
  Values values;
  for (const crds::CommandParameter& parameter : spec.parameters) {
    const auto found = given.find(parameter.name);
    if (found == given.end() && !parameter.default_value) {
      if (parameter.optional) continue;
      return InvalidArgument("parameter " + parameter.name + ": is required, it has no default (" +
                             parameter.pattern + ")");
    }
    const std::string& value = found == given.end() ? *parameter.default_value : found->second;
    if (!Matches(value, parameter.pattern)) return Mismatch(parameter, value);
    values[parameter.name] = value;
  }
  for (const auto& [name, value] : given) {
    const bool known = std::any_of(spec.parameters.begin(), spec.parameters.end(),
                                   [&](const auto& p) { return p.name == name; });
    if (!known) return InvalidArgument("parameter " + name + ": there is no such parameter");
  }
  return values;
}

StatusOr<std::vector<crds::HostCommand>> FillIn(const crds::NodeCommandSpec& spec,
                                                const Values& values) {
  std::vector<crds::HostCommand> commands;
  for (const crds::HostCommand& command : spec.commands) {
    crds::HostCommand filled{.timeout = command.timeout, .on_failure = command.on_failure};
    if (command.edit_file) {
      filled.edit_file = FillFile(*command.edit_file, values);
      if (!filled.edit_file) continue;
    } else {
      filled.argv = FillArguments(command.argv, values);
    }
    commands.push_back(std::move(filled));
  }
  if (commands.empty()) {
    return InvalidArgument("nothing is left to do: no parameter has a value");
  }
  crds::Problems problems;
  const crds::FieldPath root("commands");
  crds::ValidateCommands(commands, root, problems);
  KR_RETURN_IF_ERROR(problems.ToStatus());
  return commands;
}

}  // namespace kr::node
