#include "controller/kube/client.h"

#include "controller/kube/api_error.h"
#include "controller/kube/warnings.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_transport.h"
#include "tests/support/status_matchers.h"

namespace kr::kube {
namespace {

using absl::StatusCode;
using ::testing::_;
using testing::FakeTransport;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

// Lets time pass instead of waiting.
class FakeWaiter final : public Waiter {
 public:
  explicit FakeWaiter(testing::FakeClock& clock) : clock_(clock) {}
  bool Wait(absl::Duration duration, std::stop_token stop) override {
    waits.push_back(duration);
    clock_.Advance(duration);
    if (on_wait) on_wait();
    return !stop.stop_requested();
  }
  std::vector<absl::Duration> waits;
  std::function<void()> on_wait;

 private:
  testing::FakeClock& clock_;
};

class ClientTest : public ::testing::Test {
 protected:
  StatusOr<Reply> Send(const std::string& method, std::stop_token stop = {}) {
    return client_->Send({.method = method, .target = "/x", .timeout = absl::Seconds(30)},
                         std::move(stop));
  }

  testing::FakeClock clock_;
  FakeTransport transport_;
  FakeWaiter waiter_{clock_};
  std::unique_ptr<Client> client_ = MakeClient(transport_, clock_, waiter_);
};

FakeTransport::Reply Code(int code, const std::string& retry_after = "", const char* body = "b") {
  HttpResponse response{.code = code, .body = body};
  if (!retry_after.empty()) response.headers["retry-after"] = retry_after;
  return response;
}

TEST_F(ClientTest, WhatIsSentAgain) {
  constexpr char kBlocked[] =
      R"({"kind":"Status","status":"Failure","code":429,)"
      R"("details":{"retryAfterSeconds":10,"causes":[{"reason":"DisruptionBudget"}]}})";
  const struct {
    const char* name;
    const char* method;
    std::vector<FakeTransport::Reply> answers;
    StatusCode want;
    std::vector<absl::Duration> waits;
  } cases[] = {
      {"success", "POST", {Code(201)}, StatusCode::kOk, {}},
      {"throttled write", "POST", {Code(429, "2"), Code(201)}, StatusCode::kOk, {absl::Seconds(2)}},
      {"overloaded server",
       "PATCH",
       {Code(503, "1"), Code(500, "3"), Code(200)},
       StatusCode::kOk,
       {absl::Seconds(1), absl::Seconds(3)}},
      {"at once", "POST", {Code(429, "0"), Code(201)}, StatusCode::kOk, {}},
      {"429 without Retry-After may have been a budget",
       "POST",
       {Code(429)},
       StatusCode::kResourceExhausted,
       {}},
      {"5xx without Retry-After may have been executed",
       "POST",
       {Code(500)},
       StatusCode::kInternal,
       {}},
      {"5xx without Retry-After, read", "GET", {Code(503)}, StatusCode::kUnavailable, {}},
      {"eviction that a budget blocks",
       "POST",
       {Code(429, "10", kBlocked)},
       StatusCode::kResourceExhausted,
       {}},
      {"Retry-After of other refusals", "POST", {Code(409, "1")}, StatusCode::kAborted, {}},
      {"refused", "GET", {Code(404)}, StatusCode::kNotFound, {}},
      {"broken connection, read",
       "GET",
       {Unavailable("reset"), Unavailable("reset"), Code(200)},
       StatusCode::kOk,
       {absl::Seconds(1), absl::Seconds(1)}},
      {"broken connection, write", "POST", {Unavailable("reset")}, StatusCode::kUnavailable, {}},
      {"broken connection, delete", "DELETE", {Unavailable("reset")}, StatusCode::kUnavailable, {}},
      {"no answer in time", "GET", {DeadlineExceeded("late")}, StatusCode::kDeadlineExceeded, {}},
      {"stopped", "GET", {Cancelled("stopped")}, StatusCode::kCancelled, {}},
      {"fresh credentials help", "POST", {Code(401), Code(201)}, StatusCode::kOk, {}},
      {"fresh credentials help once",
       "GET",
       {Code(401), Code(401)},
       StatusCode::kUnauthenticated,
       {}},
      {"401, throttled, 401",
       "GET",
       {Code(401), Code(429, "1"), Code(401)},
       StatusCode::kUnauthenticated,
       {absl::Seconds(1)}},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    waiter_.waits.clear();
    const std::size_t before = transport_.requests().size();
    for (const auto& answer : tc.answers) transport_.Answer(answer);
    EXPECT_EQ(Send(tc.method).status().code(), tc.want);
    EXPECT_EQ(transport_.unused(), 0u);
    EXPECT_EQ(transport_.requests().size() - before, tc.answers.size());
    EXPECT_EQ(waiter_.waits, tc.waits);
  }
}

TEST_F(ClientTest, GivesUpAfterTenRetries) {
  for (int i = 0; i < 20; ++i) transport_.Answer(Code(429, "1"));
  EXPECT_THAT(Send("GET"), StatusIs(StatusCode::kResourceExhausted, _));
  EXPECT_EQ(transport_.requests().size(), 11u);
}

TEST_F(ClientTest, AllAttemptsShareTheTimeoutOfTheRequest) {
  transport_.on_send = [this] { clock_.Advance(absl::Seconds(4)); };
  for (int i = 0; i < 10; ++i) transport_.Answer(Code(503, "6"));
  const StatusOr<Reply> reply = Send("GET");
  // The refusal, not the lack of time: it says why.
  EXPECT_THAT(reply, StatusIs(StatusCode::kUnavailable, _));
  EXPECT_EQ(GetApiError(reply.status())->code, 503);
  ASSERT_EQ(transport_.requests().size(), 3u);
  EXPECT_EQ(transport_.requests()[0].timeout, absl::Seconds(30));
  EXPECT_EQ(transport_.requests()[1].timeout, absl::Seconds(20));
  EXPECT_EQ(transport_.requests()[2].timeout, absl::Seconds(10));
}

TEST_F(ClientTest, AWaitThatWouldOutlastTheTimeoutIsNotBegun) {
  transport_.Answer(Code(429, "32"));
  EXPECT_THAT(Send("POST"), StatusIs(StatusCode::kResourceExhausted, _));
  EXPECT_TRUE(waiter_.waits.empty());
}

TEST_F(ClientTest, StopEndsTheWait) {
  std::stop_source source;
  waiter_.on_wait = [&] { source.request_stop(); };
  transport_.Answer(Code(429, "5"));
  transport_.Answer(Code(200));
  EXPECT_THAT(Send("POST", source.get_token()), StatusIs(StatusCode::kCancelled, _));
  EXPECT_EQ(transport_.unused(), 1u);
}

TEST_F(ClientTest, RealWaitsCanBeStopped) {
  std::stop_source source;
  transport_.on_send = [&] { source.request_stop(); };
  transport_.Answer(Code(429, "25"));
  const std::unique_ptr<Client> client = MakeClient(transport_, clock_);
  EXPECT_THAT(client->Send({.target = "/x"}, source.get_token()),
              StatusIs(StatusCode::kCancelled, HasSubstr("waiting")));
}

TEST_F(ClientTest, ReplyCarriesCodeBodyAndDate) {
  transport_.Answer(HttpResponse{
      .code = 201, .headers = {{"date", "Fri, 02 Jan 2026 03:04:05 GMT"}}, .body = "made"});
  KR_ASSERT_OK_AND_ASSIGN(const Reply reply, Send("POST"));
  EXPECT_EQ(reply.code, 201);
  EXPECT_EQ(reply.body, "made");
  EXPECT_EQ(reply.server_date,
            absl::FromCivil(absl::CivilSecond(2026, 1, 2, 3, 4, 5), absl::UTCTimeZone()));
  for (const char* date : {"", "yesterday"}) {
    transport_.Answer(HttpResponse{.code = 200, .headers = {{"date", date}}});
    EXPECT_EQ(Send("GET")->server_date, absl::InfinitePast());
  }
}

TEST(Warnings, AreTakenFromTheHeader) {
  const struct {
    const char* header;
    std::vector<std::string> want;
  } cases[] = {
      {"", {}},
      {R"(299 - "unknown field \"spec.x\"")", {R"(unknown field "spec.x")"}},
      {R"(299 - "a, b", 299 - "c")", {"a, b", "c"}},
      {R"(299 - "policy/v1beta1 is deprecated" "Fri, 02 Jan 2026 03:04:05 GMT")",
       {"policy/v1beta1 is deprecated"}},
      {R"(199 - "miscellaneous")", {}},
      {R"(299 - "never closed)", {}},
      {R"(299 - "ends in a backslash\)", {}},
      {"299 - no quotes", {}},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.header);
    EXPECT_EQ(ParseWarnings(tc.header), tc.want);
  }
}

TEST(Warnings, EachTextIsLoggedOnce) {
  WarningLog log;
  EXPECT_THAT(log.Take(R"(299 - "a", 299 - "b", 299 - "a")"), ::testing::ElementsAre("a", "b"));
  EXPECT_THAT(log.Take(R"(299 - "b", 299 - "c")"), ::testing::ElementsAre("c"));
  EXPECT_THAT(log.Take(R"(299 - "c")"), ::testing::IsEmpty());
}

}  // namespace
}  // namespace kr::kube
