#pragma once

#include <memory>
#include <string_view>

#include "controller/base/status.h"

namespace re2 {
class RE2;
}

namespace kr::signals {

// A pattern that a user wrote: RE2, searched for. Empty matches everything. Immutable; thread-safe.
class Pattern {
 public:
  Pattern() = default;
  // InvalidArgument says what RE2 found wrong; `field` is the path of the pattern in the policy.
  static StatusOr<Pattern> Compile(std::string_view pattern, std::string_view field);

  bool Matches(std::string_view text) const;
  bool empty() const { return !re_; }

 private:
  std::shared_ptr<const re2::RE2> re_;
};

}  // namespace kr::signals
