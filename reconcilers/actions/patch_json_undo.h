#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "controller/base/status.h"

// Taking a JSON patch back. Operations have no inverse that others' changes would leave alone, so
// it goes by places: what each place that the operations touched was before and is after them.
//
// A place is a path of fields. Elements of lists count by their `name`, where all of the list have
// one that is theirs alone: others may be put before them. What changes a list itself (inserts,
// removes, renames an element) touches all of it, and so does what goes into an element without
// such a name.
namespace kr::actions {

// What the operations make of an object. Error: the first that does not work, and why ("test" that
// does not hold: nlohmann-json's "unsuccessful").
StatusOr<nlohmann::json> ApplyJsonPatch(const nlohmann::json& object,
                                        const nlohmann::json& operations);

// The places that `operations` touch in `object`: [{"at": [field or {"name": of the element}],
// "before": value, "after": value}]; a value that is not there is left out. The operations must
// work on the object. Error: why they cannot be taken back (they replace the whole object).
StatusOr<nlohmann::json> JsonPreImage(const nlohmann::json& operations,
                                      const nlohmann::json& object);

// The operations that put back every place that is in `object` exactly what the patch made of it
// and that our field manager owns; nullopt when there is none (left).
std::optional<nlohmann::json> UndoJsonPatch(const nlohmann::json& places,
                                            const nlohmann::json& object);

// The places that are not as before, with who set them: "spec.replicas (set by kubectl)"; "" when
// all are.
std::string NotRestoredPlaces(const nlohmann::json& places, const nlohmann::json& object);

}  // namespace kr::actions
