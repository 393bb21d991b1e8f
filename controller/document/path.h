#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/base/status.h"

namespace kr::document {

// One step into an object: a named field, or every element of a list (of a map: every key).
struct Step {
  enum class Kind { kField, kEach };
  Kind kind = Kind::kField;
  std::string field;  // empty for kEach

  static Step Field(std::string name) { return {Kind::kField, std::move(name)}; }
  static Step Each() { return {Kind::kEach, {}}; }
  friend bool operator==(const Step&, const Step&) = default;
};

// How much is read where a path ends.
enum class Depth {
  kPresence,  // only whether something is there and whether it is null
  kValue,     // the whole subtree
};

// A place in an object that somebody reads: `spec.containers[*].name`.
struct Path {
  std::vector<Step> steps;
  Depth depth = Depth::kValue;

  // Parses the dotted form; `[*]` is kEach, ['a.b/c'] a field with odd characters, a trailing `?`
  // means presence only. The empty string is the whole object.
  static StatusOr<Path> Parse(std::string_view text);
  std::string ToString() const;
  friend bool operator==(const Path&, const Path&) = default;
};

}  // namespace kr::document
