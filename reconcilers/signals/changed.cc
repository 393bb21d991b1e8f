#include "reconcilers/signals/changed.h"

#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/base/digest.h"
#include "crds/meta/text.h"
#include "reconcilers/signals/past.h"

namespace kr::signals {
namespace {

// Evidence shows where the values begin to differ, not all of them.
constexpr size_t kShown = 300;

std::string Show(const std::string& value) {
  if (value.empty()) return "(more than 1 KiB)";
  return std::string(crds::Truncate(value, kShown));
}

class ChangedSignal final : public Signal {
 public:
  ChangedSignal(cel::Program program, std::string policy_id, std::string trigger)
      : program_(std::move(program)),
        expression_digest_(Sha256Hex(program_.text())),
        policy_id_(std::move(policy_id)),
        trigger_(std::move(trigger)) {}

  Reading Read(const View& view) const override {
    const cel::Outcome outcome = program_.Evaluate(view, view.now());
    Reading reading{.valid_until = outcome.valid_until};
    if (!outcome.value.ok()) {
      reading.cause = "changed: " + std::string(Message(outcome.value.status()));
      return reading;
    }
    if (HasNoValue(*outcome.value)) {
      reading.value = Tri::kFalse;
      return reading;
    }
    const Baselines& baselines = view.past().baselines;
    if (!baselines.complete()) {
      reading.cause = "changed: TargetBaselines are being listed";
      return reading;
    }
    reading.value = Tri::kFalse;
    const crds::BaselineValue* before = baselines.FindValue(policy_id_, view.target(), trigger_);
    if (before == nullptr || before->expression_digest != expression_digest_) return reading;
    const crds::BaselineValue present = ValueOf(*outcome.value, view.now());
    if (present.digest == before->digest) return reading;
    reading.value = Tri::kTrue;
    reading.evidence.push_back({.source = "changed",
                                .message = "was " + Show(before->value) + ", is " +
                                           Show(present.value) + ": " + program_.text(),
                                .first_seen = before->recorded_at});
    return reading;
  }

  std::optional<crds::BaselineValue> Baseline(const View& view) const override {
    if (view.object() == nullptr) return std::nullopt;
    const cel::Outcome outcome = program_.Evaluate(view, view.now());
    if (!outcome.value.ok() || HasNoValue(*outcome.value)) return std::nullopt;
    return ValueOf(*outcome.value, view.now());
  }

  std::vector<cel::Read> Reads() const override { return program_.reads(); }
  bool IsOccurrence() const override { return true; }
  bool KeepsBaseline() const override { return true; }

 private:
  // optional.none(): the target is none whose value matters, now.
  static bool HasNoValue(const cel::Value& value) {
    return value.kind() == cel::Value::Kind::kOptional && value.Inner() == nullptr;
  }

  crds::BaselineValue ValueOf(const cel::Value& value, absl::Time now) const {
    // Maps are written in the order of their keys, so equal values give equal texts.
    std::string text =
        value.ToJson().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    crds::BaselineValue result{.trigger = trigger_,
                               .expression_digest = expression_digest_,
                               .digest = Sha256Hex(text),
                               .recorded_at = now};
    if (text.size() <= crds::kMaxBaselineValue) result.value = std::move(text);
    return result;
  }

  cel::Program program_;
  std::string expression_digest_;
  std::string policy_id_;
  std::string trigger_;
};

}  // namespace

StatusOr<SignalPtr> MakeChanged(const crds::ChangedSignal& spec, const cel::Scope& scope,
                                std::string policy_id, std::string trigger, std::string_view path) {
  auto program = cel::Program::Compile(spec.expression, scope);
  if (!program.ok()) return Annotate(program.status(), std::string(path) + ".expression");
  return SignalPtr(std::make_unique<ChangedSignal>(*std::move(program), std::move(policy_id),
                                                   std::move(trigger)));
}

}  // namespace kr::signals
