#pragma once

#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "controller/document/path.h"
#include "reconcilers/drain/objects.h"

// From the API's objects. What is not there is what the API says that it means then; what cannot be
// understood counts as absent.
namespace kr::drain {

Node ParseNode(const nlohmann::json& object);
Pod ParsePod(const nlohmann::json& object);
StatefulSet ParseStatefulSet(const nlohmann::json& object);
Budget ParseBudget(const nlohmann::json& object);
Claim ParseClaim(const nlohmann::json& object);
Volume ParseVolume(const nlohmann::json& object);
// Empty when it is for something else than a PersistentVolume.
Attachment ParseAttachment(const nlohmann::json& object);
VolumeLimits ParseCsiNode(const nlohmann::json& object);

// What is read of the objects of a kind, beyond their identity; empty for kinds that are not read.
std::vector<document::Path> PathsOf(std::string_view kind);

}  // namespace kr::drain
