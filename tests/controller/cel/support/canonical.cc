#include "tests/controller/cel/support/canonical.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"

namespace kr::testing {

using cel::Value;
using nlohmann::json;

namespace {

json CanonicalMap(const Value& value) {
  json object = json::object();
  std::vector<json> pairs;
  for (size_t i = 0; i < value.size(); ++i) {
    const Value key = value.KeyAt(i);
    std::string scratch;
    if (const auto text = key.Text(scratch))
      object[std::string(*text)] = Canonical(value.ValueAt(i));
    pairs.push_back({Canonical(key), Canonical(value.ValueAt(i))});
  }
  if (object.size() == pairs.size()) return object;
  return {{"@map", pairs}};
}

}  // namespace

json Canonical(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUint:
      return {{"@uint", *value.AsUint()}};
    case Value::Kind::kDouble: {
      const double d = *value.AsDouble();
      if (std::isfinite(d)) return d;
      return {{"@double", std::isnan(d) ? "NaN" : d > 0 ? "+Inf" : "-Inf"}};
    }
    case Value::Kind::kBytes:
      return {{"@bytes", absl::Base64Escape(*value.AsBytes())}};
    case Value::Kind::kTimestamp:
      return {{"@timestamp", value.ToJson()}};
    case Value::Kind::kDuration:
      return {{"@duration", std::to_string(absl::ToInt64Nanoseconds(value.AsSpan()->length))}};
    case Value::Kind::kType:
      return {{"@type", *value.AsTypeName()}};
    case Value::Kind::kOpaque:
      return {{"@" + std::string(TypeNameOf(value)), value.ToJson()}};
    case Value::Kind::kOptional:
      if (value.Inner() == nullptr) return {{"@none", true}};
      return {{"@optional", Canonical(*value.Inner())}};
    case Value::Kind::kList: {
      json list = json::array();
      for (size_t i = 0; i < value.size(); ++i) list.push_back(Canonical(value.At(i)));
      return list;
    }
    case Value::Kind::kMap:
      return CanonicalMap(value);
    default:
      return value.ToJson();
  }
}

bool SameCanonical(const json& a, const json& b) {
  if (a.is_number() && b.is_number()) {
    return a.is_number_float() == b.is_number_float() && a == b;
  }
  if (a.type() != b.type()) return false;
  if (a.is_array()) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), SameCanonical);
  }
  if (!a.is_object()) return a == b;
  if (a.size() != b.size()) return false;
  if (a.contains("@map") && b.contains("@map")) {
    // The order of pairs is undefined.
    const json& x = a["@map"];
    const json& y = b["@map"];
    return x.size() == y.size() &&
           std::is_permutation(x.begin(), x.end(), y.begin(), SameCanonical);
  }
  for (const auto& [key, value] : a.items()) {
    const auto it = b.find(key);
    if (it == b.end() || !SameCanonical(value, *it)) return false;
  }
  return true;
}

cel::Scope OracleScope() {
  return {{"object", cel::Type::Dyn()}, {"now", cel::Type::Timestamp()}};
}

json Answer(std::string_view expression, const json& object, absl::Time now) {
  const auto program = cel::Program::Compile(expression, OracleScope());
  if (!program.ok()) {
    return {{"error", "compile"}, {"message", std::string(Message(program.status()))}};
  }
  document::Decoder decoder;
  // Documents are objects; whatever else a test gives is wrapped.
  const document::DocumentPtr document = decoder.FromJson({{"object", object}});
  Variables variables;
  variables.Set("object", Value::Node(document->At("object")));
  const cel::Outcome outcome = program->Evaluate(variables, now);
  if (!outcome.value.ok()) {
    return {{"error", "run"}, {"message", std::string(Message(outcome.value.status()))}};
  }
  return {{"value", Canonical(*outcome.value)}};
}

}  // namespace kr::testing
