#include "reconcilers/actions/webhook_answer.h"

#include <algorithm>
#include <utility>

#include "crds/meta/duration.h"
#include "crds/meta/text.h"

namespace kr::actions {
namespace {

using nlohmann::json;

constexpr size_t kMaxTextChars = 300;
// What nests deeper could be written into a status that no decoder reads again.
constexpr int kMaxDepth = 64;
constexpr absl::Duration kFirstPause = absl::Seconds(1);
constexpr absl::Duration kLongestPause = absl::Seconds(30);
constexpr absl::Duration kLongestWish = absl::Hours(2);

// Somebody else wrote it: one line, valid UTF-8, of bounded length.
std::string Printable(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      line.push_back(c);
    } else if (!line.empty() && line.back() != ' ') {
      line.push_back(' ');
    }
  }
  while (line.ends_with(' ')) line.pop_back();
  // The writer of JSON replaces what is not UTF-8.
  const std::string quoted =
      json(std::move(line)).dump(-1, ' ', false, json::error_handler_t::replace);
  return crds::Truncate(json::parse(quoted).get<std::string>(), kMaxTextChars);
}

std::string With(std::string text, std::string_view said) {
  const std::string line = Printable(said);
  return line.empty() ? text : std::move(text) + ": " + line;
}

std::string TextIn(const json& body, const char* field) {
  const auto found = body.find(field);
  return found != body.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<absl::Duration> DurationIn(const json& body, const char* field) {
  const auto found = body.find(field);
  if (found == body.end()) return std::nullopt;
  if (found->is_string()) return crds::ParseDuration(found->get<std::string>());
  if (!found->is_number()) return std::nullopt;
  return absl::Seconds(std::min(found->get<double>(), absl::ToDoubleSeconds(kLongestWish)));
}

Judgement JudgeSuccess(const Answer& answer) {
  const std::string code = "answered " + std::to_string(answer.code);
  if (answer.truncated) {
    return {.message = code + " with more than 16 KiB, so what it says is not known"};
  }
  bool too_deep = false;
  const auto shallow = [&too_deep](int depth, json::parse_event_t, const json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return depth <= kMaxDepth;
  };
  const json body = json::parse(answer.body, shallow, /*allow_exceptions=*/false);
  if (too_deep) {
    return {.message =
                code + " with JSON nested deeper than " + std::to_string(kMaxDepth) + " levels"};
  }
  if (!body.is_object()) return {.outcome = CallOutcome::kDone, .message = With(code, answer.body)};

  Judgement judgement{.retry_after = DurationIn(body, "retryAfter")};
  if (const auto evidence = body.find("evidence"); evidence != body.end()) {
    if (!evidence->is_object()) {
      return {.message = code + " with evidence that is not a JSON object"};
    }
    judgement.evidence = *evidence;
  }
  const std::string said = TextIn(body, "message");
  const std::string status = body.contains("status") ? TextIn(body, "status") : "Done";
  if (status == "Done") {
    judgement.outcome = CallOutcome::kDone;
    judgement.message = With("is done", said);
  } else if (status == "Pending") {
    judgement.outcome = CallOutcome::kPending;
    judgement.message = With("is at it", said);
  } else if (status == "Failed") {
    judgement.outcome = CallOutcome::kFailed;
    judgement.message = With("failed", said);
  } else {
    judgement.message = With(code + " with a status that is not one of Done, Pending, Failed",
                             body["status"].dump(-1, ' ', false, json::error_handler_t::replace));
  }
  return judgement;
}

bool IsTemporary(int code) {
  return code == 408 || code == 425 || code == 429 || code >= 500;
}

}  // namespace

std::string_view ToString(CallOutcome outcome) {
  switch (outcome) {
    case CallOutcome::kDone:
      return "Done";
    case CallOutcome::kPending:
      return "Pending";
    case CallOutcome::kFailed:
      return "Failed";
    case CallOutcome::kRefused:
      return "Refused";
    case CallOutcome::kInvalid:
      return "Invalid";
    case CallOutcome::kBusy:
      return "Busy";
    case CallOutcome::kUnreachable:
      return "Unreachable";
    case CallOutcome::kUnready:
      return "Unready";
  }
  return "";
}

bool IsOpen(CallOutcome outcome) {
  return outcome == CallOutcome::kPending || outcome == CallOutcome::kBusy ||
         outcome == CallOutcome::kUnreachable || outcome == CallOutcome::kUnready;
}

Judgement Judge(const Answer& answer) {
  switch (answer.kind) {
    case Answer::Kind::kUnready:
      return {.outcome = CallOutcome::kUnready,
              .message = "cannot be called: " + Printable(answer.error)};
    case Answer::Kind::kUnreachable:
      return {.outcome = CallOutcome::kUnreachable,
              .message = "gave no answer: " + Printable(answer.error)};
    case Answer::Kind::kAnswered:
      break;
  }
  if (answer.code >= 200 && answer.code < 300) return JudgeSuccess(answer);
  const std::string code = "answered " + std::to_string(answer.code);
  if (IsTemporary(answer.code)) {
    return {.outcome = CallOutcome::kBusy,
            .message = With(code, answer.body),
            .retry_after = answer.retry_after};
  }
  if (answer.code >= 300 && answer.code < 400) {
    return {.outcome = CallOutcome::kRefused,
            .message = code + ", a redirect, which is never followed: its URL has to be the last"};
  }
  return {.outcome = CallOutcome::kRefused, .message = With(code, answer.body)};
}

std::string ReasonOf(CallOutcome outcome) {
  return "Webhook" + std::string(ToString(outcome));
}

absl::Duration PauseAfter(const Answer& answer, const Judgement& judgement) {
  if (judgement.retry_after) return std::clamp(*judgement.retry_after, kFirstPause, kLongestWish);
  absl::Duration pause = kFirstPause;
  for (int64_t i = 1; i < answer.tries && pause < kLongestPause; ++i) pause *= 2;
  return std::min(pause, kLongestPause);
}

}  // namespace kr::actions
