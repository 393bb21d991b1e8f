#include "reconcilers/actions/webhook.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "crds/meta/duration.h"
#include "reconcilers/actions/change.h"
#include "reconcilers/actions/computed_value.h"
#include "reconcilers/actions/fencing.h"
#include "reconcilers/actions/node_object.h"
#include "reconcilers/actions/webhook_answer.h"
#include "reconcilers/actions/webhook_call.h"

namespace kr::actions {
namespace {

using nlohmann::json;

constexpr char kBody[] = "body";

class WebhookAction final : public Action {
 public:
  WebhookAction(const crds::Webhook& params, std::vector<ComputedValue> values)
      : params_(params),
        values_(std::move(values)),
        reads_it_(std::any_of(values_.begin(), values_.end(), [](const ComputedValue& value) {
          return value.program->ReadsVariable("it");
        })) {}

  std::string_view kind() const override { return "webhook"; }
  // Nobody here knows what is done there.
  Disruption disruption() const override { return Disruption::kWorkload; }
  Reversal reversal() const override { return Reversal::kIrreversible; }
  std::vector<RbacRule> RequiredRules(const kube::Resource& resource) const override {
    std::vector<RbacRule> rules = {{"", "secrets", "get", WebhookSecret(params_.name)}};
    if (reads_it_ || IsNode(resource))
      rules.push_back({resource.gvk.group, resource.plural, "get"});
    // Whether its agent lives, when the answer says that it is off.
    if (IsNode(resource)) rules.push_back({"coordination.k8s.io", "leases", "get"});
    return rules;
  }

  std::string Describe() const override {
    return "call webhook " + params_.name + TextOf(params_.parameters, values_);
  }

  std::vector<const cel::Program*> Expressions() const override { return ProgramsOf(values_); }

  Next Ask(const json& memo, const Observed& observed) const override {
    std::string body = FindText(memo, {kBody});
    if (body.empty()) {
      std::variant<json, Next> rendered = Render(observed);
      if (auto* instead = std::get_if<Next>(&rendered)) return std::move(*instead);
      body = std::get<json>(rendered).dump(-1, ' ', false, json::error_handler_t::replace);
    }
    Judgement last;
    const CallLimits limits{params_.timeout, observed.step_started + params_.deadline};
    if (std::optional<Next> next =
            Pursue(params_.name, body, {{kBody, body}}, limits, observed, last)) {
      return *std::move(next);
    }
    std::string said = "webhook " + params_.name + " " + last.message;
    if (last.outcome != CallOutcome::kDone) {
      if (IsOpen(last.outcome)) {
        said += "; the deadline of " + crds::FormatDuration(params_.deadline) + " is over";
      }
      return Failed{ReasonOf(last.outcome), std::move(said)};
    }
    if (IsFencing(last.evidence) && IsNode(observed.ref.resource)) {
      if (std::optional<Next> look = NoteLeases(observed, last.evidence)) return *std::move(look);
    }
    Done done{.message = std::move(said)};
    if (!last.evidence.is_null()) {
      done.source = params_.name;
      done.evidence = std::move(last.evidence);
    }
    return done;
  }

 private:
  // The envelope, or what to do instead.
  std::variant<json, Next> Render(const Observed& observed) const {
    if ((reads_it_ || IsNode(observed.ref.resource)) && !observed.live) return Next(Read{});
    if (reads_it_ && observed.live->is_null()) {
      return Next(Failed{"TargetGone", ObjectText(observed.ref) + " does not exist"});
    }
    std::variant<json, Next> parameters = GiveParameters(params_.parameters, values_, observed);
    if (std::holds_alternative<Next>(parameters)) return parameters;
    json envelope = Envelope(observed, std::get<json>(std::move(parameters)));
    if (IsNode(observed.ref.resource) && observed.live->is_object()) {
      envelope[kFencing] =
          FencingQuestion(*observed.remediation, *observed.live, IdempotencyKey(observed));
    }
    if (Status size = CheckCallSize(envelope); !size.ok()) {
      return Next(Failed{"InvalidValue", std::string(Message(size))});
    }
    return envelope;
  }

  const crds::Webhook params_;
  const std::vector<ComputedValue> values_;
  const bool reads_it_;
};

}  // namespace

StatusOr<std::unique_ptr<Action>> MakeWebhook(const crds::Webhook& params, const cel::Scope& scope,
                                              std::string_view path) {
  KR_ASSIGN_OR_RETURN(std::vector<ComputedValue> values,
                      CompileParameters(params.parameters, scope, path));
  return std::make_unique<WebhookAction>(params, std::move(values));
}

}  // namespace kr::actions
