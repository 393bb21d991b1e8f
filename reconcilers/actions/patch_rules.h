#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "controller/base/status.h"
#include "crds/v1alpha1/step.h"

namespace kr::actions {

// InvalidArgument when the patch would change what no remedy may change: apiVersion, kind, status
// (a subresource), the parts of metadata that identify an object, tie it to others or belong to the
// server; for a strategic patch also directives that act on the whole object or its metadata.
// The message begins with the place: "/metadata/finalizers: must not be patched".
Status CheckPatch(crds::PatchType type, const nlohmann::json& patch);

// Whether `pointer` is a RFC 6901 pointer to something below the root.
Status CheckPointer(std::string_view pointer);

// Puts `value` at `pointer`; objects on the way are made. Elements of lists must exist: a number
// names one, nothing else does.
Status SetAt(nlohmann::json& patch, std::string_view pointer, nlohmann::json value);

// Removes what is at `pointer`, if there is anything. The pointer is one (CheckPointer).
void RemoveAt(nlohmann::json& object, std::string_view pointer);

}  // namespace kr::actions
