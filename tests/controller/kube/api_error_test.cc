#include "controller/kube/api_error.h"

#include <nlohmann/json.hpp>

#include "tests/support/status_matchers.h"

namespace kr::kube {
namespace {

using absl::StatusCode;
using nlohmann::json;

HttpResponse Refusal(int code, const std::string& reason, const json& details = nullptr) {
  json status = {{"kind", "Status"},     {"apiVersion", "v1"}, {"status", "Failure"},
                 {"message", "because"}, {"reason", reason},   {"code", code}};
  if (!details.is_null()) status["details"] = details;
  return {.code = code, .body = status.dump()};
}

json Causes(const std::string& reason, const std::string& field = "") {
  return {{"causes", {{{"reason", reason}, {"message", "m"}, {"field", field}}}}};
}

// Answers seen from a real API server.
TEST(ApiError, AnswersOfTheServer) {
  const struct {
    const char* name;
    HttpResponse response;
    StatusCode code;
    const char* reason;
    const char* cause;
  } cases[] = {
      {"POST of an existing name", Refusal(409, "AlreadyExists"), StatusCode::kAlreadyExists,
       "AlreadyExists", ""},
      {"PUT without resourceVersion",
       Refusal(422, "Invalid", Causes("FieldValueInvalid", "metadata.resourceVersion")),
       StatusCode::kInvalidArgument, "Invalid", "FieldValueInvalid"},
      {"PUT with a stale resourceVersion", Refusal(409, "Conflict"), StatusCode::kAborted,
       "Conflict", ""},
      {"strategic merge patch of a custom resource", Refusal(415, "UnsupportedMediaType"),
       StatusCode::kInvalidArgument, "UnsupportedMediaType", ""},
      {"apply over somebody's field",
       Refusal(409, "Conflict", Causes("FieldManagerConflict", ".spec.n")), StatusCode::kAborted,
       "Conflict", "FieldManagerConflict"},
      {"apply with managedFields", Refusal(400, "BadRequest"), StatusCode::kInvalidArgument,
       "BadRequest", ""},
      {"body over 3 MiB", Refusal(413, "RequestEntityTooLarge"), StatusCode::kInvalidArgument,
       "RequestEntityTooLarge", ""},
      {"eviction against a disruption budget",
       Refusal(429, "TooManyRequests", Causes("DisruptionBudget")), StatusCode::kResourceExhausted,
       "TooManyRequests", "DisruptionBudget"},
      {"version from the future", Refusal(504, "Timeout", Causes("ResourceVersionTooLarge")),
       StatusCode::kDeadlineExceeded, "Timeout", "ResourceVersionTooLarge"},
      {"compacted version", Refusal(410, "Expired"), StatusCode::kOutOfRange, "Expired", ""},
      {"expired token", Refusal(401, "Unauthorized"), StatusCode::kUnauthenticated, "Unauthorized",
       ""},
      {"no permission", Refusal(403, "Forbidden"), StatusCode::kPermissionDenied, "Forbidden", ""},
      {"no such object", Refusal(404, "NotFound"), StatusCode::kNotFound, "NotFound", ""},
      {"verb that the kind does not have", Refusal(405, "MethodNotAllowed"),
       StatusCode::kUnimplemented, "MethodNotAllowed", ""},
      {"unknown Accept", Refusal(406, "NotAcceptable"), StatusCode::kInvalidArgument,
       "NotAcceptable", ""},
      {"etcd refuses the size", Refusal(500, ""), StatusCode::kInternal, "", ""},
      {"aggregated server is down", Refusal(503, "ServiceUnavailable"), StatusCode::kUnavailable,
       "ServiceUnavailable", ""},
      {"load balancer", {.code = 502, .body = "because"}, StatusCode::kUnavailable, "", ""},
      {"redirect", {.code = 302, .body = "because"}, StatusCode::kUnknown, "", ""},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    const Status status = ToStatus(tc.response);
    EXPECT_THAT(status, testing::StatusIs(tc.code, "because"));
    const std::optional<ApiError> error = GetApiError(Annotate(status, "doing something"));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, tc.response.code);
    EXPECT_EQ(error->reason, tc.reason);
    EXPECT_EQ(error->message, "because");
    EXPECT_EQ(error->causes.size(), *tc.cause == '\0' ? 0u : 1u);
    EXPECT_TRUE(*tc.cause == '\0' || error->HasCause(tc.cause));
    EXPECT_FALSE(error->HasCause("Other"));
    EXPECT_EQ(IsExpired(status), tc.response.code == 410);
    EXPECT_EQ(IsTooLargeResourceVersion(status), tc.response.code == 504);
  }
}

TEST(ApiError, SuccessIsOk) {
  for (const int code : {200, 201, 202, 204}) {
    KR_EXPECT_OK(ToStatus({.code = code, .body = R"({"kind":"Status","status":"Failure"})"}));
  }
}

TEST(ApiError, CausesKeepTheirFields) {
  const auto error = GetApiError(ToStatus(Refusal(422, "Invalid", Causes("Required", "spec.x"))));
  ASSERT_EQ(error->causes.size(), 1u);
  EXPECT_EQ(error->causes[0].field, "spec.x");
  EXPECT_EQ(error->causes[0].message, "m");
}

TEST(ApiError, RetryAfterFromHeaderOrDetails) {
  const json details = {{"retryAfterSeconds", 3}};
  const struct {
    const char* name;
    json details;
    const char* header;
    std::optional<absl::Duration> want;
  } cases[] = {
      {"nowhere", nullptr, "", std::nullopt},
      {"header", nullptr, "7", absl::Seconds(7)},
      {"details", details, "", absl::Seconds(3)},
      {"the header wins", details, "7", absl::Seconds(7)},
      {"at once", nullptr, "0", absl::ZeroDuration()},
      {"negative is nothing", nullptr, "-1", std::nullopt},
      {"a date is not understood", details, "Fri, 02 Jan 2026 03:04:05 GMT", absl::Seconds(3)},
      {"no number", {{"retryAfterSeconds", "soon"}}, "", std::nullopt},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    HttpResponse response = Refusal(429, "TooManyRequests", tc.details);
    if (*tc.header != '\0') response.headers["retry-after"] = tc.header;
    EXPECT_EQ(GetApiError(ToStatus(response))->retry_after, tc.want);
  }
}

TEST(ApiError, PlainTextOfPriorityAndFairness) {
  const Status status = ToStatus({.code = 429,
                                  .headers = {{"retry-after", "1"}},
                                  .body = "Too many requests, please try again later.\n"});
  EXPECT_THAT(status, testing::StatusIs(StatusCode::kResourceExhausted,
                                        "Too many requests, please try again later."));
  EXPECT_EQ(GetApiError(status)->retry_after, absl::Seconds(1));
  EXPECT_EQ(GetApiError(status)->reason, "");
}

TEST(ApiError, ForeignBodiesAreQuotedShortly) {
  const struct {
    const char* name;
    std::string body;
    std::string message;
  } cases[] = {
      {"nothing", "", "HTTP 503"},
      {"a page", "<html>\r\n<b>down</b>", "<html>  <b>down</b>"},
      {"a long page", std::string(1000, 'x'), std::string(256, 'x')},
      {"other JSON", R"({"kind":"Pod"})", R"({"kind":"Pod"})"},
      {"a Status of wrong types", R"({"kind":"Status","status":"Failure","code":"x","message":7,
        "reason":null,"details":{"causes":[1,{"reason":2}],"retryAfterSeconds":1.5}})",
       "HTTP 503"},
      {"details of a wrong type", R"({"kind":"Status","status":"Failure","details":[]})",
       "HTTP 503"},
      {"not UTF-8", "\xff\xfe", "\xff\xfe"},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    const Status status = ToStatus({.code = 503, .body = tc.body});
    EXPECT_THAT(status, testing::StatusIs(StatusCode::kUnavailable, tc.message));
    EXPECT_EQ(GetApiError(status)->code, 503);
  }
}

TEST(ApiError, StatusInsideAWatch) {
  const struct {
    const char* name;
    const char* json;
    StatusCode code;
    bool expired;
  } cases[] = {
      {"expired", R"({"kind":"Status","status":"Failure","reason":"Expired","code":410})",
       StatusCode::kOutOfRange, true},
      {"of a server up to 1.17", R"({"kind":"Status","status":"Failure","reason":"Gone"})",
       StatusCode::kOutOfRange, true},
      {"streaming lists switched off", R"({"kind":"Status","status":"Failure","code":500})",
       StatusCode::kInternal, false},
      {"throttled", R"({"kind":"Status","reason":"TooManyRequests","code":429})",
       StatusCode::kResourceExhausted, false},
      {"a success makes no sense", R"({"kind":"Status","code":200})", StatusCode::kInternal, false},
      {"broken", R"({"kind":)", StatusCode::kInternal, false},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    const Status status = StatusFromJson(tc.json);
    EXPECT_EQ(status.code(), tc.code);
    EXPECT_EQ(IsExpired(status), tc.expired);
  }
}

TEST(ApiError, FailureInsideASuccess) {
  const struct {
    const char* name;
    json body;
    StatusCode code;
  } cases[] = {
      {"a failure",
       {{"kind", "Status"}, {"status", "Failure"}, {"code", 500}, {"message", "two budgets"}},
       StatusCode::kInternal},
      {"one without a code",
       {{"kind", "Status"}, {"status", "Failure"}, {"message", "two budgets"}},
       StatusCode::kInternal},
      {"a success", {{"kind", "Status"}, {"status", "Success"}, {"code", 201}}, StatusCode::kOk},
      {"an object", {{"kind", "Pod"}, {"status", {{"phase", "Failed"}}}}, StatusCode::kOk},
      {"no JSON", json::parse("<html>", nullptr, /*allow_exceptions=*/false), StatusCode::kOk},
  };
  for (const auto& tc : cases) {
    SCOPED_TRACE(tc.name);
    EXPECT_THAT(FailureInside(tc.body),
                testing::StatusIs(tc.code, tc.code == StatusCode::kOk ? "" : "two budgets"));
  }
}

TEST(ApiError, OldServersSayTooLargeInTheMessageOnly) {
  const Status status =
      ToStatus({.code = 504,
                .body = R"({"kind":"Status","status":"Failure","code":504,)"
                        R"("message":"Timeout: Too large resource version: 9, current: 5"})"});
  EXPECT_TRUE(IsTooLargeResourceVersion(status));
}

TEST(ApiError, GoneNeedsNoReason) {
  EXPECT_TRUE(IsExpired(ToStatus({.code = 410})));
  EXPECT_TRUE(IsExpired(ToStatus({.code = 410, .body = "<html>gone</html>"})));
}

TEST(ApiError, ErrorsFromElsewhereHaveNone) {
  EXPECT_FALSE(GetApiError(Unavailable("connection refused")));
  EXPECT_FALSE(GetApiError(OkStatus()));
  EXPECT_FALSE(IsExpired(MakeStatus(StatusCode::kOutOfRange, "")));
  EXPECT_FALSE(IsTooLargeResourceVersion(DeadlineExceeded("Too large resource version")));
}

}  // namespace
}  // namespace kr::kube
