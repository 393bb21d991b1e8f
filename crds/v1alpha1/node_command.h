#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "crds/meta/object_meta.h"

// NodeCommand: what may be run on the host of a node. Administrators write them; policies name one
// and give its parameters, and nothing else ever runs there.
namespace kr::crds {

inline constexpr std::string_view kNodeCommandKind = "NodeCommand";
inline constexpr std::string_view kNodeCommandPlural = "nodecommands";

// A text that a policy may choose. $(name) stands for it in arguments, paths and values.
struct CommandParameter {
  std::string name;
  std::string description;
  std::string pattern;  // RE2, ^...$: a value that does not match is refused
  std::optional<std::string> default_value;
  bool optional = false;  // may be missing: arguments and settings that name it are left out then
  friend bool operator==(const CommandParameter&, const CommandParameter&) = default;
};

enum class FileFormat { kToml, kYaml, kIni, kText };
std::string_view ToString(FileFormat format);

// How a value is written into a typed file.
enum class ValueType { kText, kInteger, kBoolean };
std::string_view ToString(ValueType type);

struct FileSetting {
  // kToml, kYaml, kIni: a JSON pointer to the value; into a list of texts, a last part that ends
  // with '=' is the element that begins so. kText: an RE2 pattern of the one line to replace.
  std::string path;
  std::string value;
  ValueType type = ValueType::kText;
  friend bool operator==(const FileSetting&, const FileSetting&) = default;
};

// A file that is replaced as a whole, with its old content kept elsewhere.
struct EditFile {
  std::string path;
  FileFormat format = FileFormat::kText;
  std::vector<FileSetting> set;
  std::vector<std::string> validate;         // argv; $(file) is the candidate; may be empty
  std::vector<std::string> reload;           // argv, after every change of the file; may be empty
  std::vector<std::string> rollback_unless;  // argv that must come to succeed; may be empty
  friend bool operator==(const EditFile&, const EditFile&) = default;
};

enum class CommandFailure { kFail, kContinue };
std::string_view ToString(CommandFailure failure);

// One of `argv` and `edit_file`.
struct HostCommand {
  std::vector<std::string> argv;  // begins with an absolute path; no shell
  std::optional<EditFile> edit_file;
  absl::Duration timeout;
  CommandFailure on_failure = CommandFailure::kFail;
  friend bool operator==(const HostCommand&, const HostCommand&) = default;
};

struct NodeCommandSpec {
  std::string description;
  std::vector<CommandParameter> parameters;
  std::vector<HostCommand> commands;
  bool disruptive = true;    // containers or the node may suffer
  bool needs_agent = false;  // a Job would not outlive it
  bool reboots = false;      // done when the host has another boot ID
  int64_t max_output_bytes = 16 * 1024;
  friend bool operator==(const NodeCommandSpec&, const NodeCommandSpec&) = default;
};

struct NodeCommand {
  ObjectMeta metadata;
  NodeCommandSpec spec;
  friend bool operator==(const NodeCommand&, const NodeCommand&) = default;
};

}  // namespace kr::crds
