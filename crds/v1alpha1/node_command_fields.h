#pragma once

#include <string_view>
#include <utility>

#include "crds/v1alpha1/field_rules.h"
#include "crds/v1alpha1/node_command.h"

// The JSON form of NodeCommand. The bounds are those of the CRD: a test compares them.
namespace kr::crds {

inline constexpr size_t kMaxArguments = 64;
inline constexpr size_t kMaxArgument = 4096;
inline constexpr size_t kMaxHostPath = 1024;
inline constexpr size_t kMaxHostCommands = 16;

extern const TextKind kHostPath;         // "/etc/containerd/config.toml"
extern const TextKind kAnchoredPattern;  // "^[a-z]+$"

template <>
struct EnumNames<FileFormat> {
  static constexpr std::pair<FileFormat, std::string_view> kNames[] = {{FileFormat::kToml, "toml"},
                                                                       {FileFormat::kYaml, "yaml"},
                                                                       {FileFormat::kIni, "ini"},
                                                                       {FileFormat::kText, "text"}};
};

template <>
struct EnumNames<ValueType> {
  static constexpr std::pair<ValueType, std::string_view> kNames[] = {
      {ValueType::kText, "Text"},
      {ValueType::kInteger, "Integer"},
      {ValueType::kBoolean, "Boolean"}};
};

template <>
struct EnumNames<CommandFailure> {
  static constexpr std::pair<CommandFailure, std::string_view> kNames[] = {
      {CommandFailure::kFail, "Fail"}, {CommandFailure::kContinue, "Continue"}};
};

inline Rules Arguments() {
  return Text(kMaxArgument).Items(1, kMaxArguments);
}

template <typename V>
void Describe(V& v, Member<V, CommandParameter>& x) {
  v.Field("name", x.name, Text(kIdentifier, kMaxName).Required());
  v.Field("description", x.description, Text(1024));
  v.Field("pattern", x.pattern, Text(kAnchoredPattern, kMaxPattern).Required());
  v.Field("default", x.default_value, Text(1024));
  v.Field("optional", x.optional);
}

template <typename V>
void Describe(V& v, Member<V, FileSetting>& x) {
  v.Field("path", x.path, Text(1024).Required());
  v.Field("value", x.value, Text(kMaxArgument));
  v.Field("type", x.type);
}

template <typename V>
void Describe(V& v, Member<V, EditFile>& x) {
  v.Field("path", x.path, Text(kHostPath, kMaxHostPath).Required());
  v.Field("format", x.format, Rules{.required = true});
  v.Field("set", x.set, Items(1, 32, "path").Required());
  v.Field("validate", x.validate, Arguments());
  v.Field("reload", x.reload, Arguments());
  v.Field("rollbackUnless", x.rollback_unless, Arguments());
}

template <typename V>
void Describe(V& v, Member<V, HostCommand>& x) {
  v.Field("argv", x.argv, Arguments());
  v.Field("editFile", x.edit_file);
  v.Field("timeout", x.timeout, Between(kShortest, absl::Hours(2)).Required());
  v.Field("onFailure", x.on_failure);
}

template <typename V>
void Describe(V& v, Member<V, NodeCommandSpec>& x) {
  v.Field("description", x.description, Text(1024));
  v.Field("parameters", x.parameters, Items(0, 32, "name"));
  v.Field("commands", x.commands, Items(1, kMaxHostCommands).Required());
  v.Field("disruptive", x.disruptive);
  v.Field("needsAgent", x.needs_agent);
  v.Field("reboots", x.reboots);
  v.Field("maxOutputBytes", x.max_output_bytes, Between(1024, 64 * 1024));
}

template <typename V>
void Describe(V& v, Member<V, NodeCommand>& x) {
  v.Field("metadata", x.metadata);
  v.Field("spec", x.spec, Rules{.required = true});
}

}  // namespace kr::crds
