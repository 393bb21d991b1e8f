#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/base/status.h"
#include "crds/v1alpha1/node_command.h"

// Changes single values of configuration files and leaves everything else as it is, comments
// included: people look after these files, too. What could not be changed with certainty is an
// error, never a guess. Pure.
namespace kr::agent {

// The content with the settings made; the same content when all of them are there. InvalidArgument
// says which setting, and why not.
StatusOr<std::string> EditContent(crds::FileFormat format, std::string_view content,
                                  const std::vector<crds::FileSetting>& set);

// One setting in one format. `path` is cut into the parts of its JSON pointer.
StatusOr<std::string> EditYaml(std::string_view content, const std::vector<std::string>& path,
                               const crds::FileSetting& setting);
StatusOr<std::string> EditToml(std::string_view content, const std::vector<std::string>& path,
                               const crds::FileSetting& setting);
StatusOr<std::string> EditIni(std::string_view content, const std::vector<std::string>& path,
                              const crds::FileSetting& setting);

// The value as TOML and YAML write it: "text" quoted, numbers and truth values plain.
// InvalidArgument when the value is not of its type.
StatusOr<std::string> Literal(const crds::FileSetting& setting);

}  // namespace kr::agent
