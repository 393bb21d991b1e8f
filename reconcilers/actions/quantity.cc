#include "reconcilers/actions/quantity.h"

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "controller/values/quantity.h"

namespace kr::actions {
namespace {

std::optional<values::Quantity> Read(const nlohmann::json& value) {
  if (!value.is_number() && !value.is_string()) return std::nullopt;
  // A number is written as its text would be.
  auto quantity =
      values::Quantity::Parse(value.is_string() ? value.get<std::string>() : value.dump());
  return quantity.ok() ? std::optional(*std::move(quantity)) : std::nullopt;
}

}  // namespace

bool MayBeSameQuantity(const nlohmann::json& a, const nlohmann::json& b) {
  const std::optional<values::Quantity> x = Read(a);
  const std::optional<values::Quantity> y = Read(b);
  return x && y && x->Compare(*y) == 0;
}

}  // namespace kr::actions
