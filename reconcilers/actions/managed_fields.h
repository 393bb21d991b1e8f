#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

// Who set what, from metadata.managedFields (the fieldsV1 format of server-side apply, KEP-555).
namespace kr::actions {

// A place in an object, in the spelling of fieldsV1.
using FieldPath = std::vector<std::string>;

// The spelling of one step of a path in fieldsV1: a field, and an element of a list that is
// identified by one of its fields.
std::string FieldStep(std::string_view name);
std::string ElementStep(std::string_view key, const nlohmann::json& value);

// Whether `manager` owns the field at `steps`, or an atomic value around it. A map that it wrote
// empty is not such a value: "f:data": {} may be either, and is a map once anybody owns something
// in it. True as well when the object does not tell (no managedFields): then only the value can
// decide.
bool OwnsField(const nlohmann::json& object, std::string_view manager,
               std::span<const std::string> steps);

// The field at `steps` for people: "spec.containers[name=c].image".
std::string FieldText(std::span<const std::string> steps);
// The same with who owns it besides `manager`: "spec.replicas (set by kubectl)".
std::string FieldAndOwner(const nlohmann::json& object, std::string_view manager,
                          std::span<const std::string> steps);

// The manager other than `manager` that has one of `fields` now and wrote last of those who have
// one: of the fields that `manager` does not own (any more), if there are such. "" when nobody has
// any: whoever removes a field owns nothing.
std::string LastOwner(const nlohmann::json& object, std::string_view manager,
                      std::span<const FieldPath> fields);

// Whether nobody owns what `manager` has lost of `fields`: it was removed, and whoever did that is
// not to be found in the object. False when the object does not tell.
bool IsRemoved(const nlohmann::json& object, std::string_view manager,
               std::span<const FieldPath> fields);

// The manager other than `manager` that wrote last to the object itself (not to its status): when
// no field tells, the likeliest one to have set a change back. "" when there is none.
std::string LastOtherManager(const nlohmann::json& object, std::string_view manager);

}  // namespace kr::actions
