#pragma once

#include "crds/meta/problems.h"
#include "crds/v1alpha1/node_command.h"

namespace kr::crds {

// What a schema cannot say about a NodeCommand and what needs no RE2: programs and files have
// absolute paths, every $(name) is a parameter, parameters are what they can be.
void Validate(const NodeCommandSpec& spec, const FieldPath& path, Problems& problems);

// Of a NodeTask, whose parameters are filled in: programs and files have absolute paths.
void ValidateCommands(const std::vector<HostCommand>& commands, const FieldPath& path,
                      Problems& problems);

// The path of a file names no directory above it.
bool IsPlainPath(std::string_view path);

}  // namespace kr::crds
