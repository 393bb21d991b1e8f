// Calls of webhooks: the intent is on the server before the first call leaves, and stands until the
// receiver has said what became of it. Another process makes the same call again, with the same
// key.
#include <utility>

#include "crds/meta/nodes.h"
#include "crds/v1alpha1/reasons.h"
#include "crds/v1alpha1/remediation_fields.h"
#include "reconcilers/actions/fencing.h"
#include "reconcilers/actions/webhook_answer.h"
#include "reconcilers/remediation/runner.h"
#include "reconcilers/signals/past.h"

namespace kr::remediation {

Runner::Paused Runner::ExecuteCall(size_t index, const policy::Step& step, actions::Call call) {
  if (std::optional<Paused> instead = MayAct(index, step)) return *std::move(instead);
  busy_ = true;
  seen_live_.reset();
  Does(call.summary);
  write_ahead_.Call(index, *RefOf(status().steps[index]), std::move(call),
                    [this, index](WriteAhead::CallResult result) {
                      busy_ = false;
                      OnCalled(index, std::move(result));
                    });
  return std::nullopt;
}

void Runner::OnCalled(size_t index, WriteAhead::CallResult result) {
  dirty_ = true;
  if (!result.answer) {
    Continue(result.save);
    return;
  }
  last_save_ = services_.engine.Now();
  if (deleted_) return Stopped();
  AtHand& hand = Hand(index);
  StatusOr<actions::Answer>& answer = *result.answer;
  if (!answer.ok()) {
    hand.retry_at = Now() + services_.timing.recheck;
    return Idle(crds::reason::kRunning, "will look again: " + std::string(Message(answer.status())),
                hand.retry_at);
  }
  answer->tries = hand.answer ? hand.answer->tries + 1 : 1;
  const actions::CallOutcome outcome = actions::Judge(*answer).outcome;
  services_.metrics.calls.With({actions::ToString(outcome)}).Increment();
  hand.answer = *std::move(answer);
  Advance();
}

void Runner::KeepEvidence(size_t index, const actions::Done& done) {
  nlohmann::json record =
      status().record.empty() ? nlohmann::json::object() : status().record.Parse();
  record[done.source] = done.evidence;
  if (actions::IsFencing(done.evidence)) {
    record[done.source] = actions::KeptFencing(done.evidence, Now());
  }
  constexpr auto kReplace = nlohmann::json::error_handler_t::replace;
  const std::string text = done.evidence.dump(-1, ' ', false, kReplace);
  if (record.dump(-1, ' ', false, kReplace).size() > crds::kMaxRecordBytes) {
    Tell(runtime::Event::Type::kWarning, "EvidenceNotKept",
         "the evidence of webhook " + done.source + " does not fit into the record");
    return;
  }
  mutable_status().record = crds::RawJson(record);
  const crds::StepProgress& step = status().steps[index];
  mutable_status().evidence.push_back(
      {.source = "webhook." + done.source,
       .object = step.object.value_or(remediation().spec.target_ref),
       .message = text,
       .first_seen = Now(),
       .last_seen = Now()});
}

}  // namespace kr::remediation
