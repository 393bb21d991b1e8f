#include "reconcilers/signals/increase.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crds/meta/duration.h"
#include "reconcilers/signals/past.h"

namespace kr::signals {
namespace {

StatusOr<double> NumberOf(const StatusOr<cel::Value>& result) {
  KR_RETURN_IF_ERROR(result.status());
  const cel::Value& value = *result;
  if (const int64_t* i = value.AsInt()) return static_cast<double>(*i);
  if (const uint64_t* u = value.AsUint()) return static_cast<double>(*u);
  if (const double* d = value.AsDouble(); d != nullptr && std::isfinite(*d)) return *d;
  return InvalidArgument("the value is no number");
}

class IncreaseSignal final : public Signal {
 public:
  IncreaseSignal(crds::IncreaseSignal spec, cel::Program program, std::string number)
      : spec_(std::move(spec)), program_(std::move(program)), number_(std::move(number)) {}

  Reading Read(const View& view) const override {
    const cel::Outcome outcome = program_.Evaluate(view, view.now());
    Reading reading{.valid_until = outcome.valid_until};
    const StatusOr<double> value = NumberOf(outcome.value);
    if (!value.ok()) {
      reading.cause = "increase: " + std::string(Message(value.status()));
      return reading;
    }
    if (view.past().onlooker) {
      reading.cause = std::string("increase: ") + kControllerOnly;
      return reading;
    }
    const NumberHistory* history = view.past().numbers.Find(number_, view.target().uid);
    if (history != nullptr) Compare(*value, *history, view, reading);
    if (reading.value == Tri::kTrue) return reading;
    reading.value = Tri::kFalse;
    if (!view.remediating_since()) return reading;
    const absl::Time begin = std::max(view.now() - spec_.within, view.answered());
    if (history != nullptr && history->seen_since() <= begin) return reading;
    reading.value = Tri::kUnknown;
    reading.cause = "increase: the number has not been watched for " +
                    crds::FormatDuration(spec_.within) + " yet since the controller started";
    if (history != nullptr) {
      reading.valid_until = std::min(reading.valid_until, history->seen_since() + spec_.within);
    }
    return reading;
  }

  void Note(const View& view, bool since_start, Past& past) const override {
    if (view.object() == nullptr) return;
    const cel::Outcome outcome = program_.Evaluate(view, view.now());
    if (const auto value = NumberOf(outcome.value); value.ok()) {
      past.numbers.Observe(number_, view.target().uid, *value, view.now(), spec_.within,
                           !since_start);
    }
  }

  std::vector<cel::Read> Reads() const override { return program_.reads(); }
  bool LooksBack() const override { return true; }

 private:
  bool Enough(double from, double to) const {
    const double by = static_cast<double>(spec_.by.value);
    return to > from && to - from >= (spec_.by.percent ? std::abs(from) * by / 100 : by);
  }

  // True when it has grown enough from any value that was left after what is answered.
  void Compare(double value, const NumberHistory& history, const View& view,
               Reading& reading) const {
    std::optional<double> from;
    absl::Time left = absl::InfinitePast();
    absl::Time holds_until = absl::InfinitePast();
    history.ForEach(spec_.within, view.now(), [&](double earlier, absl::Time left_at) {
      if (left_at <= view.answered() || !Enough(earlier, value)) return;
      holds_until = std::max(holds_until, left_at + spec_.within);
      if (from && *from <= earlier) return;
      from = earlier;
      left = left_at;
    });
    if (!from) return;
    reading.value = Tri::kTrue;
    reading.valid_until = std::min(reading.valid_until, holds_until);
    reading.evidence.push_back(
        {.source = "increase",
         .message = absl::StrCat(
             "grew from ", *from, " to ", value, " within ", crds::FormatDuration(spec_.within),
             " (", spec_.by.ToString(),
             " is too much): ", absl::string_view(program_.text().data(), program_.text().size())),
         .first_seen = left});
  }

  crds::IncreaseSignal spec_;
  cel::Program program_;
  std::string number_;
};

}  // namespace

StatusOr<SignalPtr> MakeIncrease(const crds::IncreaseSignal& spec, const cel::Scope& scope,
                                 std::string number, std::string_view path) {
  const std::string field = std::string(path) + ".expression";
  auto program = cel::Program::Compile(spec.expression, scope);
  if (!program.ok()) return Annotate(program.status(), field);
  using Kind = cel::Type::Kind;
  const Kind kind = program->type().kind;
  if (kind != Kind::kDyn && kind != Kind::kInt && kind != Kind::kUint && kind != Kind::kDouble) {
    return InvalidArgument(field + ": expected a number, found " + program->type().ToString());
  }
  return SignalPtr(std::make_unique<IncreaseSignal>(spec, *std::move(program), std::move(number)));
}

}  // namespace kr::signals
