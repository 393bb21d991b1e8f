#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "crds/v1alpha1/step.h"

// Whether an object already is what a patch would make of it, as far as that can be told without
// the server.
namespace kr::actions {

enum class Effect {
  kThere,
  // The server has to be asked: it writes values its own way ("1000m" is "1", false is left out),
  // and only it knows how a list is merged.
  kUnsure,
  kMissing,
};

// `where` becomes the path of the first leaf that is missing ("/spec/replicas"), if any is.
//
// Merge patch: every leaf equals the object's; null means absent (or, in a record, maybe a
// default); lists are compared whole. Strategic: as well, but of the lists in MergeKey each element
// of the patch must be found in the object's element with the same key; directives are kUnsure.
Effect CompareEffect(crds::PatchType type, const nlohmann::json& patch,
                     const nlohmann::json& object, std::string* where = nullptr);

// The field that identifies the elements of a list in a strategic merge patch, for the lists of pod
// templates; "" for all others (replaced whole, or not known here).
std::string_view MergeKey(std::string_view list_field);

// Fields that are maps with entries of many owners (labels, data); other objects are records, whose
// fields have defaults.
bool IsMap(std::string_view field);

// The element of `list` whose `key` is `value`; nullptr when there is none.
const nlohmann::json* FindElement(const nlohmann::json& list, std::string_view key,
                                  const nlohmann::json& value);

// Whether two states of one object differ in more than bookkeeping: managedFields, resourceVersion
// and generation are ignored.
bool SameObject(nlohmann::json a, nlohmann::json b);

}  // namespace kr::actions
