#include "reconcilers/actions/wait_for.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "crds/meta/duration.h"
#include "crds/meta/time.h"
#include "reconcilers/actions/change.h"

namespace kr::actions {
namespace {

using nlohmann::json;

constexpr char kSince[] = "since";
// Between looks at an object that nobody watches.
constexpr absl::Duration kLookAgain = absl::Seconds(2);

class WaitForAction final : public Action {
 public:
  WaitForAction(cel::Program expression, const crds::WaitFor& params)
      : expression_(std::move(expression)), hold_for_(params.hold_for), timeout_(params.timeout) {}

  std::string_view kind() const override { return "waitFor"; }
  Disruption disruption() const override { return Disruption::kNone; }
  Reversal reversal() const override { return Reversal::kNothing; }
  std::vector<RbacRule> RequiredRules(const kube::Resource& resource) const override {
    if (!ReadsIt()) return {};
    return {{resource.gvk.group, resource.plural, "get"}};
  }
  std::vector<const cel::Program*> Expressions() const override { return {&expression_}; }

  std::string Describe() const override {
    std::string text = "wait until " + expression_.text();
    if (hold_for_ > absl::ZeroDuration()) text += " for " + crds::FormatDuration(hold_for_);
    return text + ", at most " + crds::FormatDuration(timeout_);
  }

  Next Ask(const json& memo, const Observed& observed) const override {
    // `it` is the object that applyTo chose, which nobody watches.
    if (ReadsIt() && !observed.live) return Read{};
    absl::Time deadline = observed.step_started + timeout_;
    std::string unknown;
    std::optional<absl::Time> since;
    if (IsTrue(observed, unknown)) {
      since = TrueSince(memo, observed.now);
      if (observed.now >= *since + hold_for_) {
        return Done{.message = "true: " + expression_.text()};
      }
    }
    std::string where = since             ? "true since " + crds::FormatTime(*since)
                        : unknown.empty() ? "not true yet"
                                          : "cannot be evaluated: " + unknown;
    if (observed.now >= deadline) {
      return Failed{"Timeout", "still waiting after " + crds::FormatDuration(timeout_) + " until " +
                                   expression_.text() + " (" + where + ")"};
    }
    Wait wait{.until = deadline, .progress = where, .memo = nullptr, .reread = ReadsIt()};
    if (since) {
      wait.until = std::min(deadline, *since + hold_for_);
      wait.memo = {{kSince, crds::FormatTime(*since)}};
    }
    if (ReadsIt()) wait.until = std::min(wait.until, observed.now + kLookAgain);
    return wait;
  }

 private:
  bool ReadsIt() const { return expression_.ReadsVariable("it"); }

  bool IsTrue(const Observed& observed, std::string& unknown) const {
    StatusOr<json> value = observed.evaluate(expression_);
    if (!value.ok()) {
      unknown = std::string(Message(value.status()));
    } else if (!value->is_boolean()) {
      unknown = "expected a bool, got " + value->dump();
    } else {
      return value->get<bool>();
    }
    return false;
  }

  // A clock that was set back starts `for` anew.
  static absl::Time TrueSince(const json& memo, absl::Time now) {
    std::optional<absl::Time> since = crds::ParseTime(FindText(memo, {kSince}));
    return since && *since <= now ? *since : now;
  }

  const cel::Program expression_;
  const absl::Duration hold_for_;
  const absl::Duration timeout_;
};

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeWaitFor(const crds::WaitFor& params, const cel::Scope& scope,
                                              std::string_view path) {
  StatusOr<cel::Program> program =
      cel::Program::Compile(params.expression, scope, cel::Type::Bool());
  if (!program.ok()) return Annotate(program.status(), std::string(path) + ".expression");
  return std::make_unique<WaitForAction>(*std::move(program), params);
}

}  // namespace kr::actions
