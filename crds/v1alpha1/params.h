#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crds/meta/raw_json.h"

// The parameters of a policy: what a site sets without editing the policy.
namespace kr::crds {

enum class ParamType { kString, kInteger, kNumber, kBoolean, kArray, kObject };
std::string_view ToString(ParamType type);

// One parameter; expressions read it as `params.<name>`.
struct Param {
  std::string name;
  ParamType type = ParamType::kString;
  AnyJson default_value;  // empty: somebody has to give it
  std::string description;
  // Bounds of its values; which ones a type can have is checked with the policy.
  std::optional<double> minimum;  // integer, number; inclusive
  std::optional<double> maximum;
  std::string pattern;                // string: RE2, of the whole text
  std::optional<int64_t> max_length;  // string: in characters; array and object: entries
  std::vector<std::string> allowed;   // spec: `enum`; string, and keys of an object
  friend bool operator==(const Param&, const Param&) = default;
};

enum class ParamSource { kConfigMap };
std::string_view ToString(ParamSource source);

// Where a site's values stand: data.<name> of a ConfigMap overrides the default.
struct ParamRef {
  ParamSource kind = ParamSource::kConfigMap;
  std::string name_space;
  std::string name;
  bool optional = false;  // the defaults hold without it
  friend bool operator==(const ParamRef&, const ParamRef&) = default;
};

}  // namespace kr::crds
