#pragma once

#include <string>

namespace kr::crds {

// A value that is computed: `expression` (CEL) is evaluated once when the step starts and put at
// `path` (RFC 6901 pointer into the patch or object). Or nothing: what is at `path` is removed.
struct SetValue {
  std::string path;
  std::string expression;
  bool remove = false;
  friend bool operator==(const SetValue&, const SetValue&) = default;
};

}  // namespace kr::crds
