#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/base/status.h"
#include "crds/v1alpha1/node_command.h"

namespace kr::node {

using Values = std::map<std::string, std::string>;

// What is wrong with a NodeCommand that only RE2 can tell: a pattern that is none, a default that
// its own pattern refuses. InvalidArgument with the field.
Status CheckPatterns(const crds::NodeCommandSpec& spec);

// The values of all parameters that have one: those given, and defaults. InvalidArgument when one
// is given that there is not, one is missing, or a value does not match its pattern as a whole:
//   parameter size: "1M; reboot" does not match ^[0-9]+[KMG]$
StatusOr<Values> ResolveParameters(const crds::NodeCommandSpec& spec, const Values& given);

// The commands with $(name) replaced by `values`, each text cut once: what a value contains is
// never looked into. Arguments and settings that name a parameter without a value are left out; so
// is a file of which nothing is left to set. InvalidArgument when nothing is left at all, or a path
// would leave its directory ("..").
StatusOr<std::vector<crds::HostCommand>> FillIn(const crds::NodeCommandSpec& spec,
                                                const Values& values);

}  // namespace kr::node
