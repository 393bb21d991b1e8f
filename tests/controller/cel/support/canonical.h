#pragma once

#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "absl/time/time.h"
#include "controller/cel/program.h"
#include "controller/cel/value.h"
#include "controller/document/decoder.h"

namespace kr::testing {

// Variables by name; anything else is NotFound.
class Variables final : public cel::Activation {
 public:
  Variables& Set(const std::string& name, cel::Value value) {
    values_[name] = std::move(value);
    return *this;
  }
  StatusOr<cel::Value> Resolve(std::string_view variable) const override {
    const auto it = values_.find(variable);
    if (it == values_.end()) return NotFound("no variable " + std::string(variable));
    return it->second;
  }

 private:
  std::map<std::string, cel::Value, std::less<>> values_;
};

// A value as the oracle writes it (tests/oracle/cel/encode.go): JSON that keeps the types.
nlohmann::json Canonical(const cel::Value& value);

// Equal with types (3 is not 3.0); doubles by value, NaN equal to itself.
bool SameCanonical(const nlohmann::json& a, const nlohmann::json& b);

// {"value": ...} or {"error": "compile" | "run", "message": ...}, as the oracle answers, with the
// scope of the oracle: `object`, a Document made of the JSON, and `now`.
nlohmann::json Answer(std::string_view expression, const nlohmann::json& object,
                      absl::Time now = absl::FromUnixSeconds(1767323045));
cel::Scope OracleScope();

}  // namespace kr::testing
