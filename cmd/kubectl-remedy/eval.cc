#include "cmd/kubectl-remedy/eval.h"

#include <charconv>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "cmd/common/yaml_json.h"
#include "controller/cel/program.h"
#include "controller/document/decoder.h"
#include "controller/kube/resource.h"
#include "reconcilers/policy/scope.h"
#include "reconcilers/policy/target_activation.h"

namespace kr::cmd {
namespace {

using cel::Value;
using nlohmann::json;

std::string Text(const json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

class EvalActivation final : public cel::Activation {
 public:
  EvalActivation(const kube::GroupVersionKind& kind, const document::DocumentPtr& object)
      : kind_(kind), object_(object) {}

  StatusOr<Value> Resolve(std::string_view variable) const override {
    if (variable == "object") return object_ ? Value::Node(object_->root()) : Value();
    if (variable == "target" && object_) return policy::TargetValue(kind_, *object_);
    if (variable == "target") return NoTarget();
    return Value::Record({});
  }

 private:
  static Value NoTarget() {
    std::vector<std::pair<std::string, Value>> fields;
    for (const char* field : {"apiVersion", "kind", "namespace", "name", "uid"}) {
      fields.emplace_back(field, Value::String(""));
    }
    return Value::Record(std::move(fields));
  }

  const kube::GroupVersionKind& kind_;
  const document::DocumentPtr& object_;
};

std::string_view Line(std::string_view text, size_t number) {
  for (; number > 1; --number) {
    const size_t end = text.find('\n');
    if (end == text.npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// The number that `text` begins with, and the colon behind it, are taken off.
std::optional<size_t> TakeNumber(std::string_view& text) {
  size_t number = 0;
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || last == end || *last != ':' || number == 0) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(last - text.data()) + 1);
  return number;
}

}  // namespace

StatusOr<json> ParseObject(std::string_view text, std::string_view name) {
  auto documents = ParseManifest(text);
  if (!documents.ok()) {
    return InvalidArgument(std::string(name) + ":" + std::string(Message(documents.status())));
  }
  if (documents->size() != 1) {
    return InvalidArgument(std::string(name) + ": one object is wanted, the file holds " +
                           (documents->empty() ? "none" : std::to_string(documents->size())));
  }
  if (!documents->front().is_object()) {
    return InvalidArgument(std::string(name) + ": an object is wanted, not " +
                           (documents->front().is_array() ? "a list" : "a single value"));
  }
  return std::move(documents->front());
}

StatusOr<json> EvaluateExpression(std::string_view expression, const std::optional<json>& object,
                                  absl::Time now) {
  KR_ASSIGN_OR_RETURN(const cel::Program program,
                      cel::Program::Compile(expression, policy::BaseScope({}, {})));
  document::Decoder decoder;
  document::DocumentPtr document;
  kube::GroupVersionKind kind;
  if (object) {
    document = decoder.FromJson(*object);
    if (!document) return ResourceExhausted("the object is too large, or nested too deeply");
    kind =
        kube::GroupVersionKind::FromApiVersion(Text(*object, "apiVersion"), Text(*object, "kind"));
  }
  const cel::Outcome outcome = program.Evaluate(EvalActivation(kind, document), now);
  if (!outcome.value.ok()) return outcome.value.status();
  return outcome.value->ToJson();
}

std::string PointAt(std::string_view expression, std::string_view message) {
  const std::optional<size_t> line_number = TakeNumber(message);
  if (!line_number) return "";
  const std::optional<size_t> column = TakeNumber(message);
  if (!column) return "";
  const std::string_view line = Line(expression, *line_number);
  std::string caret;
  size_t code_points = 1;
  for (char c : line) {
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;
    if (code_points++ == *column) break;
    caret.push_back(c == '\t' ? '\t' : ' ');  // so that both lines are as wide
  }
  return std::string(line) + "\n" + caret + "^\n";
}

}  // namespace kr::cmd
