#include "reconcilers/signals/match.h"

#include <memory>
#include <string>
#include <utility>

namespace kr::signals {
namespace {

class MatchSignal final : public Signal {
 public:
  MatchSignal(std::string name, cel::Program program)
      : name_(std::move(name)), program_(std::move(program)) {}

  Reading Read(const View& view) const override {
    const cel::Outcome outcome = program_.Evaluate(view, view.now());
    Reading reading{.valid_until = outcome.valid_until};
    if (!outcome.value.ok()) {
      reading.cause = "match " + name_ + ": " + std::string(Message(outcome.value.status()));
      return reading;
    }
    const bool* holds = outcome.value->AsBool();
    if (holds == nullptr) {
      reading.cause = "match " + name_ + ": the value is not true or false";
      return reading;
    }
    reading.value = FromBool(*holds);
    if (*holds)
      reading.evidence.push_back({.source = "match." + name_, .message = program_.text()});
    return reading;
  }

  std::vector<cel::Read> Reads() const override { return program_.reads(); }

 private:
  std::string name_;
  cel::Program program_;
};

}  // namespace

StatusOr<SignalPtr> MakeMatch(const crds::NamedExpression& spec, const cel::Scope& scope,
                              std::string_view path) {
  auto program = cel::Program::Compile(spec.expression, scope, cel::Type::Bool());
  if (!program.ok()) return Annotate(program.status(), std::string(path) + ".expression");
  return SignalPtr(std::make_unique<MatchSignal>(spec.name, *std::move(program)));
}

}  // namespace kr::signals
