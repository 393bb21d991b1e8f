#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "controller/cel/program.h"
#include "controller/document/path.h"

namespace kr::policy {

// Which fields of which objects some expressions read, sorted out of cel::Read. Pure.
//
// The fields of the variable itself ("object", "it").
std::vector<document::Path> PathsOf(const std::vector<cel::Read>& reads, std::string_view variable);
// The fields of the objects of one join: `related.pods[*].spec.nodeName` gives spec.nodeName. When
// the list escapes as a whole, so do its objects.
std::vector<document::Path> PathsOfRelated(const std::vector<cel::Read>& reads,
                                           std::string_view join);
// The path of plain fields.
document::Path FieldPath(std::initializer_list<const char*> fields);
// Whether `variable.field` (or `variable` as a whole) is read.
bool ReadsField(const std::vector<cel::Read>& reads, std::string_view variable,
                std::string_view field);

}  // namespace kr::policy
