#include "reconcilers/actions/webhook_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kr::actions {
namespace {

using ::testing::HasSubstr;

Answer Answered(int code, std::string body) {
  return {.kind = Answer::Kind::kAnswered, .code = code, .body = std::move(body)};
}

struct Case {
  int code;
  const char* body;
  CallOutcome outcome;
  const char* message;
};

const Case kCases[] = {
    {200, "", CallOutcome::kDone, "answered 200"},
    {204, "", CallOutcome::kDone, "answered 204"},
    {200, "ok\n", CallOutcome::kDone, "answered 200: ok"},
    {200, "<html>", CallOutcome::kDone, "answered 200: <html>"},
    {200, "[1]", CallOutcome::kDone, "answered 200: [1]"},
    {200, "{}", CallOutcome::kDone, "is done"},
    {200, R"({"message": "off"})", CallOutcome::kDone, "is done: off"},
    {200, R"({"status": "Done", "message": "off"})", CallOutcome::kDone, "is done: off"},
    {202, R"({"status": "Pending", "message": "3 of 5"})", CallOutcome::kPending,
     "is at it: 3 of 5"},
    {200, R"({"status": "Failed", "message": "no such host"})", CallOutcome::kFailed,
     "failed: no such host"},
    // "failed" taken for success would be the worst of all.
    {200, R"({"status": "failed"})", CallOutcome::kInvalid,
     "answered 200 with a status that is not one of Done, Pending, Failed: \"failed\""},
    {200, R"({"status": 1})", CallOutcome::kInvalid,
     "answered 200 with a status that is not one of Done, Pending, Failed: 1"},
    {200, R"({"evidence": [1]})", CallOutcome::kInvalid,
     "answered 200 with evidence that is not a JSON object"},
    {301, "moved", CallOutcome::kRefused,
     "answered 301, a redirect, which is never followed: its URL has to be the last"},
    {400, "bad\nbody\x01", CallOutcome::kRefused, "answered 400: bad body"},
    {401, "", CallOutcome::kRefused, "answered 401"},
    {408, "", CallOutcome::kBusy, "answered 408"},
    {409, "", CallOutcome::kRefused, "answered 409"},
    {425, "", CallOutcome::kBusy, "answered 425"},
    {429, "slower", CallOutcome::kBusy, "answered 429: slower"},
    {500, "", CallOutcome::kBusy, "answered 500"},
    {503, "down \xff", CallOutcome::kBusy, "answered 503: down \xEF\xBF\xBD"},
};

// Written into the status, it could not be read again.
TEST(WebhookAnswer, DeepEvidenceIsNotTaken) {
  const auto nested = [](int levels) {
    std::string text = "1";
    for (int i = 0; i < levels; ++i) text = R"({"a":)" + text + "}";
    return Judge(
        {.kind = Answer::Kind::kAnswered, .code = 200, .body = R"({"evidence":)" + text + "}"});
  };
  EXPECT_EQ(nested(60).outcome, CallOutcome::kDone);
  EXPECT_EQ(nested(2000).outcome, CallOutcome::kInvalid);
  EXPECT_EQ(nested(2000).message, "answered 200 with JSON nested deeper than 64 levels");
}

TEST(WebhookAnswer, MeansWhatCodeAndBodySay) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(std::to_string(c.code) + " " + c.body);
    const Judgement judgement = Judge(Answered(c.code, c.body));
    EXPECT_EQ(judgement.outcome, c.outcome) << ToString(judgement.outcome);
    EXPECT_EQ(judgement.message, c.message);
  }
}

TEST(WebhookAnswer, OfBoundedLength) {
  EXPECT_LE(Judge(Answered(400, std::string(20000, 'x'))).message.size(), 350u);
}

TEST(WebhookAnswer, TooLongAnAnswerIsNotTakenForSuccess) {
  Answer answer = Answered(200, R"({"status": "Pen)");
  answer.truncated = true;
  const Judgement judgement = Judge(answer);
  EXPECT_EQ(judgement.outcome, CallOutcome::kInvalid);
  EXPECT_THAT(judgement.message, HasSubstr("more than 16 KiB"));
  answer.code = 500;  // of what failed the beginning is enough
  EXPECT_EQ(Judge(answer).outcome, CallOutcome::kBusy);
}

TEST(WebhookAnswer, CarriesEvidence) {
  const Judgement judgement =
      Judge(Answered(200, R"({"status": "Done", "evidence": {"power": "off"}})"));
  EXPECT_EQ(judgement.evidence, nlohmann::json({{"power", "off"}}));
  EXPECT_TRUE(Judge(Answered(200, "{}")).evidence.is_null());
}

TEST(WebhookAnswer, WithoutOneItIsOpen) {
  EXPECT_EQ(Judge({.kind = Answer::Kind::kUnreachable, .error = "refused"}).message,
            "gave no answer: refused");
  EXPECT_EQ(Judge({.kind = Answer::Kind::kUnready, .error = "no Secret"}).message,
            "cannot be called: no Secret");
}

struct PauseCase {
  const char* body;
  std::optional<absl::Duration> header;
  int64_t tries;
  absl::Duration pause;
};

TEST(WebhookAnswer, SaysWhenToAskAgain) {
  const PauseCase cases[] = {
      {"", {}, 1, absl::Seconds(1)},
      {"", {}, 3, absl::Seconds(4)},
      {"", {}, 60, absl::Seconds(30)},
      {"", absl::Seconds(7), 1, absl::Seconds(7)},
      {"", absl::ZeroDuration(), 9, absl::Seconds(1)},
  };
  for (const PauseCase& c : cases) {
    Answer answer = Answered(503, c.body);
    answer.retry_after = c.header;
    answer.tries = c.tries;
    EXPECT_EQ(PauseAfter(answer, Judge(answer)), c.pause) << c.tries;
  }
  for (const auto& [wish, pause] : {std::pair("5", absl::Seconds(5)),
                                    {"0.5", absl::Seconds(1)},
                                    {"\"2m\"", absl::Minutes(2)},
                                    {"-1", absl::Seconds(1)},
                                    {"1e300", absl::Hours(2)},
                                    {"\"1000h\"", absl::Hours(2)},
                                    {"\"soon\"", absl::Seconds(1)},
                                    {"null", absl::Seconds(1)}}) {
    const Answer answer =
        Answered(200, std::string(R"({"status": "Pending", "retryAfter": )") + wish + "}");
    EXPECT_EQ(PauseAfter(answer, Judge(answer)), pause) << wish;
  }
}

}  // namespace
}  // namespace kr::actions
