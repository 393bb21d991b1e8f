#include "crds/meta/int_or_percent.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "crds/meta/text.h"

namespace kr::crds {

std::optional<IntOrPercent> IntOrPercent::Parse(std::string_view text) {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  if (text.empty() || text.size() > 9 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  IntOrPercent result{.percent = percent};
  // SimpleAtoi takes signs and blanks too.
  if (text.find_first_not_of("0123456789") != std::string_view::npos ||
      !absl::SimpleAtoi(ToAbsl(text), &result.value) || (percent && result.value > 100)) {
    return std::nullopt;
  }
  return result;
}

std::string IntOrPercent::ToString() const {
  return absl::StrCat(value, percent ? "%" : "");
}

}  // namespace kr::crds
