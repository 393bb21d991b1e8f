#include "reconcilers/signals/pattern.h"

#include <string>

#include <re2/re2.h>

namespace kr::signals {

StatusOr<Pattern> Pattern::Compile(std::string_view pattern, std::string_view field) {
  Pattern result;
  if (pattern.empty()) return result;
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(256 << 10);
  auto re = std::make_shared<re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!re->ok()) {
    return InvalidArgument(std::string(field) + ": the pattern \"" + std::string(pattern) +
                           "\" is not valid RE2: " + re->error());
  }
  result.re_ = std::move(re);
  return result;
}

bool Pattern::Matches(std::string_view text) const {
  return !re_ || re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *re_);
}

}  // namespace kr::signals
