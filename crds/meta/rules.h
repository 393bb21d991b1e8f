#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"

// What a field of an API type may hold. A type names its fields with their rules once (see
// fields.h); the reader enforces them, the schema test compares them with the CRD.
namespace kr::crds {

// A family of texts, as a schema pattern and as a predicate (RE2 is not available down here).
struct TextKind {
  std::string_view pattern;   // anchored
  std::string_view expected;  // "a DNS label (a-z, 0-9, '-')"
  bool (*matches)(std::string_view);
};
extern const TextKind kIdentifier;     // what CEL can select: related.<name>
extern const TextKind kDnsLabel;       // names of triggers, remedies; namespaces
extern const TextKind kDnsSubdomain;   // most object names
extern const TextKind kQualifiedName;  // keys of labels, annotations, taints
extern const TextKind kGroupVersion;   // "v1", "apps/v1"
extern const TextKind kKindName;       // "DaemonSet"
extern const TextKind kCamelCase;      // condition types and reasons
extern const TextKind kJsonPointer;    // "/spec/replicas"
extern const TextKind kEnvName;        // environment variables
extern const TextKind kHexDigest;      // lower case
extern const TextKind kEventType;      // "Normal", "Warning"

struct Rules {
  bool required = false;

  // Text, and the text in lists and maps. In code points.
  size_t min_length = 0;
  size_t max_length = 0;
  const TextKind* kind = nullptr;
  // The writer cuts instead of letting the API server refuse the whole status: only for prose and
  // for lists whose rest may be dropped.
  bool clamp = false;

  // Free-form: not only an object.
  bool any_json = false;

  // Lists and maps.
  size_t min_items = 0;
  size_t max_items = 0;
  // "" = atomic; "*" = a set of texts; otherwise the field that is different in each element.
  std::string_view unique_by = {};

  // Integers.
  int64_t min = 0;
  int64_t max = 0;

  absl::Duration min_duration = absl::ZeroDuration();
  absl::Duration max_duration = absl::ZeroDuration();

  Rules Required() const {
    Rules rules = *this;
    rules.required = true;
    if (max_length > 0 && kind == nullptr) rules.min_length = 1;  // a pattern refuses "" anyway
    return rules;
  }
  Rules NotEmpty() const {
    Rules rules = *this;
    rules.min_length = 1;
    return rules;
  }
  Rules Items(size_t min_count, size_t max_count, std::string_view unique = {}) const {
    Rules rules = *this;
    rules.min_items = min_count;
    rules.max_items = max_count;
    rules.unique_by = unique;
    return rules;
  }
  Rules AnyJson() const {
    Rules rules = *this;
    rules.any_json = true;
    return rules;
  }
  Rules Clamped() const {
    Rules rules = *this;
    rules.clamp = true;
    return rules;
  }
};

inline Rules Text(size_t max) {
  return {.max_length = max};
}
inline Rules Text(const TextKind& kind, size_t max) {
  return {.max_length = max, .kind = &kind};
}
// Prose that the controller writes: cut rather than refused.
inline Rules Prose(size_t max) {
  return Text(max).Clamped();
}
inline Rules Between(int64_t min, int64_t max) {
  return {.min = min, .max = max};
}
inline Rules Between(absl::Duration min, absl::Duration max) {
  return {.min_duration = min, .max_duration = max};
}
inline Rules Items(size_t min, size_t max, std::string_view unique = {}) {
  return Rules{}.Items(min, max, unique);
}

}  // namespace kr::crds
