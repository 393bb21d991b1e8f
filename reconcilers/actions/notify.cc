#include "reconcilers/actions/notify.h"

#include <optional>
#include <utility>

#include "reconcilers/actions/change.h"
#include "reconcilers/actions/webhook_call.h"

namespace kr::actions {
namespace {

// In the memo of one that tells a webhook.
constexpr char kText[] = "text";
constexpr char kBody[] = "body";
// The steps behind a notice do not wait for it any longer.
constexpr absl::Duration kPatience = absl::Minutes(1);
constexpr absl::Duration kTimeout = absl::Seconds(10);

// At most kMaxAnnouncementBytes, cut between characters.
std::string Fitting(std::string text) {
  if (text.size() <= kMaxAnnouncementBytes) return text;
  constexpr std::string_view kEllipsis = "...";
  size_t end = kMaxAnnouncementBytes - kEllipsis.size();
  auto continues = [&](size_t i) { return (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80; };
  while (end > 0 && continues(end)) --end;
  return text.substr(0, end).append(kEllipsis);
}

class NotifyAction final : public Action {
 public:
  NotifyAction(const crds::Notify& params, std::optional<cel::Program> expression)
      : message_(params.message), webhook_(params.webhook), expression_(std::move(expression)) {}

  std::string_view kind() const override { return "notify"; }
  Disruption disruption() const override { return Disruption::kNone; }
  Reversal reversal() const override { return Reversal::kNothing; }
  // The controller itself may create Events; no target needs more.
  std::vector<RbacRule> RequiredRules(const kube::Resource&) const override {
    if (webhook_.empty()) return {};
    return {{"", "secrets", "get", WebhookSecret(webhook_)}};
  }

  std::string Describe() const override {
    const std::string whom = webhook_.empty() ? "tell" : "tell, also webhook " + webhook_ + ",";
    if (expression_) return whom + " what " + expression_->text() + " gives";
    return message_.empty() ? whom + " about the symptom" : whom + ": " + message_;
  }

  std::vector<const cel::Program*> Expressions() const override {
    if (!expression_) return {};
    return {&*expression_};
  }

  Next Ask(const nlohmann::json& memo, const Observed& observed) const override {
    std::string text = FindText(memo, {kText});
    if (text.empty()) {
      const StatusOr<nlohmann::json> value =
          expression_ ? observed.evaluate(*expression_) : nlohmann::json();
      // The cache has not caught up with the step before, most often.
      const absl::Time deadline = observed.step_started + kPatience;
      if (absl::IsUnavailable(value.status()) && observed.now < deadline) {
        return Wait{.until = deadline,
                    .progress = "what is to be told cannot be evaluated yet: " +
                                std::string(Message(value.status())),
                    .memo = nullptr};
      }
      text = Fitting(Text(observed, value));
    }
    Done done{.message = "told: " + text, .announcement = text};
    if (webhook_.empty()) return done;

    std::string body = FindText(memo, {kBody});
    if (body.empty()) {
      nlohmann::json envelope = Envelope(observed, nlohmann::json::object());
      envelope["message"] = text;
      body = envelope.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
    Judgement last;
    const CallLimits limits{kTimeout, observed.step_started + kPatience};
    if (std::optional<Next> next =
            Pursue(webhook_, body, {{kText, text}, {kBody, body}}, limits, observed, last)) {
      return *std::move(next);
    }
    // A notice that one of two did not get is no reason to leave the target sick.
    if (last.outcome != CallOutcome::kDone && last.outcome != CallOutcome::kPending) {
      done.message += " (webhook " + webhook_ + " was not told: it " + last.message + ")";
      done.announcement =
          Fitting("webhook " + webhook_ + " was not told: it " + last.message + ". " + text);
    }
    return done;
  }

 private:
  std::string Text(const Observed& observed, const StatusOr<nlohmann::json>& value) const {
    if (!message_.empty()) return message_;
    std::string fallback = ObjectText(observed.ref) + " shows the symptom of this policy";
    if (!expression_) return fallback;
    if (!value.ok()) {
      return fallback +
             " (messageExpression cannot be evaluated: " + std::string(Message(value.status())) +
             ")";
    }
    std::string text = value->is_string() ? value->get<std::string>() : "";
    return text.empty() ? fallback + " (messageExpression gave no text)" : text;
  }

  const std::string message_;
  const std::string webhook_;
  const std::optional<cel::Program> expression_;
};

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeNotify(const crds::Notify& params, const cel::Scope& scope,
                                             std::string_view path) {
  if (!params.message.empty() && !params.message_expression.empty()) {
    return InvalidArgument(std::string(path) +
                           ": message and messageExpression exclude each other");
  }
  std::optional<cel::Program> expression;
  if (!params.message_expression.empty()) {
    StatusOr<cel::Program> program =
        cel::Program::Compile(params.message_expression, scope, cel::Type::String());
    if (!program.ok()) return Annotate(program.status(), std::string(path) + ".messageExpression");
    expression = *std::move(program);
  }
  return std::make_unique<NotifyAction>(params, std::move(expression));
}

}  // namespace kr::actions
