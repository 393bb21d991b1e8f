#include "reconcilers/policy/join_values.h"

#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace kr::policy {
namespace {

using cel::Value;
using crds::LabelSelector;
using Operator = LabelSelector::Operator;

std::optional<Operator> OperatorOf(const Value& value) {
  std::string scratch;
  const std::optional<std::string_view> name = value.Text(scratch);
  if (name == "In") return Operator::kIn;
  if (name == "NotIn") return Operator::kNotIn;
  if (name == "Exists") return Operator::kExists;
  if (name == "DoesNotExist") return Operator::kDoesNotExist;
  return std::nullopt;
}

std::optional<std::string> TextOf(const Value& value) {
  std::string scratch;
  const std::optional<std::string_view> text = value.Text(scratch);
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

bool AddRequirement(const Value& value, LabelSelector& selector) {
  const auto key = value.Field("key");
  const auto op = value.Field("operator");
  if (!key || !op) return false;
  const std::optional<std::string> label = TextOf(*key);
  const std::optional<Operator> kind = OperatorOf(*op);
  if (!label || !kind) return false;
  LabelSelector::Requirement requirement{*label, *kind, {}};
  if (const auto values = value.Field("values")) {
    for (size_t i = 0; i < values->size(); ++i) {
      const std::optional<std::string> text = TextOf(values->At(i));
      if (!text) return false;
      requirement.values.push_back(*text);
    }
  }
  const bool takes_values = *kind == Operator::kIn || *kind == Operator::kNotIn;
  if (takes_values == requirement.values.empty()) return false;
  selector.match_expressions.push_back(std::move(requirement));
  return true;
}

// A map whose fields are those of a label selector, not labels of these names.
bool IsLabelSelector(const Value& map) {
  for (size_t i = 0; i < map.size(); ++i) {
    const std::optional<std::string> key = TextOf(map.KeyAt(i));
    const Value value = map.ValueAt(i);
    const bool known = (key == "matchLabels" && (value.is_map() || value.is_null())) ||
                       (key == "matchExpressions" && (value.is_list() || value.is_null()));
    if (!known) return false;
  }
  return true;
}

std::optional<LabelSelector> SelectorOf(const Value& map) {
  LabelSelector selector;
  if (!IsLabelSelector(map)) {
    for (auto& [key, value] : LabelsOf(map)) selector.match_labels[key] = std::move(value);
    return selector;
  }
  if (const auto labels = map.Field("matchLabels")) {
    for (auto& [key, value] : LabelsOf(*labels)) selector.match_labels[key] = std::move(value);
  }
  if (const auto expressions = map.Field("matchExpressions")) {
    for (size_t i = 0; i < expressions->size(); ++i) {
      if (!AddRequirement(expressions->At(i), selector)) return std::nullopt;
    }
  }
  return selector;
}

}  // namespace

void AddKeys(const Value& value, cache::KeySink& sink) {
  std::string scratch;
  if (value.is_list()) {
    for (size_t i = 0; i < value.size(); ++i) AddKeys(value.At(i), sink);
  } else if (value.kind() == Value::Kind::kOptional) {
    if (value.Inner() != nullptr) AddKeys(*value.Inner(), sink);
  } else if (const auto text = value.Text(scratch)) {
    sink.Add(*text);
  } else if (!value.is_null()) {
    sink.Add(value.ToJson().dump());
  }
}

cache::Labels LabelsOf(const Value& value) {
  if (value.kind() == Value::Kind::kOptional) {
    return value.Inner() == nullptr ? cache::Labels() : LabelsOf(*value.Inner());
  }
  cache::Labels labels;
  if (!value.is_map()) return labels;
  labels.reserve(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    std::optional<std::string> key = TextOf(value.KeyAt(i)), text = TextOf(value.ValueAt(i));
    if (key && text) labels.emplace_back(*std::move(key), *std::move(text));
  }
  return labels;
}

void AddSelectors(const Value& value, cache::KeySink& sink) {
  if (value.is_list()) {
    for (size_t i = 0; i < value.size(); ++i) AddSelectors(value.At(i), sink);
  } else if (value.kind() == Value::Kind::kOptional) {
    if (value.Inner() != nullptr) AddSelectors(*value.Inner(), sink);
  } else if (value.is_map()) {
    if (auto selector = SelectorOf(value)) sink.AddSelector(*std::move(selector));
  }
}

}  // namespace kr::policy
