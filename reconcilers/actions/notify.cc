#include "reconcilers/actions/notify.h"

#include <optional>
#include <utility>

#include "reconcilers/actions/change.h"

namespace kr::actions {
namespace {

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
  NotifyAction(std::string message, std::optional<cel::Program> expression)
      : message_(std::move(message)), expression_(std::move(expression)) {}

  std::string_view kind() const override { return "notify"; }
  Disruption disruption() const override { return Disruption::kNone; }
  Reversal reversal() const override { return Reversal::kNothing; }
  // The controller itself may create Events; no target needs more.
  std::vector<RbacRule> RequiredRules(const kube::Resource&) const override { return {}; }

  std::string Describe() const override {
    if (expression_) return "tell what " + expression_->text() + " gives";
    return message_.empty() ? "tell about the symptom" : "tell: " + message_;
  }

  std::vector<const cel::Program*> Expressions() const override {
    if (!expression_) return {};
    return {&*expression_};
  }

  Next Ask(const nlohmann::json&, const Observed& observed) const override {
    std::string text = Fitting(Text(observed));
    return Done{.message = "told: " + text, .announcement = text};
  }

 private:
  std::string Text(const Observed& observed) const {
    if (!message_.empty()) return message_;
    std::string fallback = ObjectText(observed.ref) + " shows the symptom of this policy";
    if (!expression_) return fallback;
    StatusOr<nlohmann::json> value = observed.evaluate(*expression_);
    if (!value.ok()) {
      return fallback +
             " (messageExpression cannot be evaluated: " + std::string(Message(value.status())) +
             ")";
    }
    std::string text = value->is_string() ? value->get<std::string>() : "";
    return text.empty() ? fallback + " (messageExpression gave no text)" : text;
  }

  const std::string message_;
  const std::optional<cel::Program> expression_;
};

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeNotify(const crds::Notify& params, const cel::Scope& scope,
                                             std::string_view path) {
  if (!params.message.empty() && !params.message_expression.empty()) {
    return InvalidArgument(std::string(path) +
                           ": message and messageExpression exclude each other");
  }
  if (!params.webhook.empty()) {
    return InvalidArgument(std::string(path) + ".webhook: is not supported yet");
  }
  std::optional<cel::Program> expression;
  if (!params.message_expression.empty()) {
    StatusOr<cel::Program> program =
        cel::Program::Compile(params.message_expression, scope, cel::Type::String());
    if (!program.ok()) return Annotate(program.status(), std::string(path) + ".messageExpression");
    expression = *std::move(program);
  }
  return std::make_unique<NotifyAction>(params.message, std::move(expression));
}

}  // namespace kr::actions
