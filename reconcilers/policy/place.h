#pragma once

#include <string>

#include "controller/document/decoder.h"
#include "controller/document/document.h"
#include "controller/kube/resource.h"

namespace kr::policy {

// A place where an object should be and none is, as a target: a Document with a name and nothing
// else, so that joins, lineage and limits need not tell it from an object. What asks for the object
// itself (`object`, signals::View::object) gets none.
document::DocumentPtr MakePlace(document::Decoder& decoder, const kube::ObjectKey& key);
bool IsPlace(const document::Document& target);

// What is wrong with a policy that has places and namespaces that do not go with its kind.
std::string PlacesProblem(const std::string& kind, bool namespaced);

}  // namespace kr::policy
