#include "controller/cache/watch_state.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/kube/api_error.h"
#include "tests/support/fixed_random.h"

// The rules of the reflector as scripts: what happens, and what is done about it. Names in
// parentheses are those of client-go's tests for the same property.
namespace kr::cache {
namespace {

using Kind = watch_input::Event::Kind;
using Options = WatchState::Options;

// --- what happens

struct Happening {
  WatchInput input;
  absl::Duration after = absl::ZeroDuration();
};

Happening Added(const char* version) {
  return {watch_input::Event{Kind::kAdded, version}};
}
Happening Modified(const char* version) {
  return {watch_input::Event{Kind::kModified, version}};
}
Happening Deleted(const char* version) {
  return {watch_input::Event{Kind::kDeleted, version}};
}
Happening Bookmark(const char* version) {
  return {watch_input::Event{Kind::kBookmark, version}};
}
Happening EndOfList(const char* version) {
  return {watch_input::Event{Kind::kBookmark, version, /*initial_events_end=*/true}};
}
Happening Page(const char* version, const char* token = "") {
  return {watch_input::Page{version, token}};
}
Happening Waited() {
  return {watch_input::Waited{}};
}
Happening Guard() {
  return {watch_input::GuardPassed{}, absl::Minutes(1)};
}
Happening CleanEnd(absl::Duration lifetime = absl::Minutes(4)) {
  return {watch_input::Ended{OkStatus(), lifetime}};
}
Happening Broken(absl::Duration lifetime = absl::Minutes(1)) {
  return {watch_input::Ended{Unavailable("connection reset"), lifetime}};
}
Happening Refused() {
  return {watch_input::Ended{Unavailable("connection refused"), absl::Milliseconds(1)}};
}
Happening HardStop() {
  return {watch_input::Ended{DeadlineExceeded("hard stop"), absl::Minutes(5)}};
}
Happening TooLargeForMemory() {
  return {watch_input::Ended{ResourceExhausted("the answer is larger"), absl::Seconds(1)}};
}
Happening Undecodable() {
  return {watch_input::Error{Internal("not JSON")}};
}
Happening Later(absl::Duration after, Happening happening) {
  happening.after = after;
  return happening;
}

Status Api(int code, const char* reason, const char* cause = "", const char* retry_after = "") {
  nlohmann::json body = {
      {"kind", "Status"}, {"status", "Failure"}, {"reason", reason}, {"code", code}};
  if (*cause != 0)
    body["details"]["causes"] = nlohmann::json::array({nlohmann::json{{"reason", cause}}});
  kube::HttpResponse response{.code = code, .body = body.dump()};
  if (*retry_after != 0) response.headers["retry-after"] = retry_after;
  return kube::ToStatus(response);
}
Happening Http(int code, const char* reason, const char* cause = "", const char* retry_after = "") {
  return {watch_input::Ended{Api(code, reason, cause, retry_after), absl::Milliseconds(5)}};
}
Happening ErrorEvent(int code, const char* reason, const char* cause = "") {
  return {watch_input::Error{Api(code, reason, cause)}};
}

// --- what is done about it, as text

std::string Describe(const WatchStep& step) {
  const WatchCommand& command = step.command;
  std::string text;
  if (step.list_ends) text += "end@" + step.list_version + " ";
  if (step.list_begins) text += "begin ";
  if (step.history_went_back) text += "back ";
  switch (command.kind) {
    case WatchCommand::Kind::kGoOn:
      text += "go on";
      break;
    case WatchCommand::Kind::kOpenWatch:
      text += (command.send_initial_events ? "stream@" : "watch@") + command.resource_version;
      break;
    case WatchCommand::Kind::kOpenList:
      text += command.version_only ? "head" : "list " + std::to_string(command.limit);
      if (!command.continue_token.empty()) text += " " + command.continue_token;
      if (!command.resource_version.empty() || !command.resource_version_match.empty()) {
        text += " " + command.resource_version_match + "@" + command.resource_version;
      }
      break;
    case WatchCommand::Kind::kWait:
      text += "wait " + absl::FormatDuration(command.delay);
      break;
  }
  return text;
}

using Script = std::vector<std::pair<Happening, std::string>>;
struct Case {
  std::string name;
  Script script;
  Options options;
};

void Play(const Case& c) {
  SCOPED_TRACE(c.name);
  kr::testing::FixedRandom random(0);
  WatchState state(c.options, random);
  MonotonicTime now(absl::Hours(1));
  const std::string first =
      c.options.mode == WatchState::Mode::kStreamOnly ? "head" : "begin stream@";
  EXPECT_EQ(Describe(state.Begin(now)), first);
  int line = 0;
  for (const auto& [happening, want] : c.script) {
    SCOPED_TRACE("step " + std::to_string(++line));
    now = now + happening.after;
    EXPECT_EQ(Describe(state.Next(happening.input, now)), want);
  }
}

void PlayAll(const std::vector<Case>& cases) {
  for (const Case& c : cases) Play(c);
}

// Listed and watching from version 10, by the streaming list or by pages.
const Script kSynced = {{Added("7"), "go on"}, {EndOfList("10"), "end@10 go on"}};

Script Then(Script script) {
  Script all = kSynced;
  all.insert(all.end(), script.begin(), script.end());
  return all;
}

// A 422 sends every list that follows to pages.
Script Paged(Script script) {
  Script all = {{Http(422, "Invalid"), "begin list 500"}};
  all.insert(all.end(), script.begin(), script.end());
  return all;
}

TEST(WatchState, StreamingList) {
  PlayAll({
      {"the end bookmark completes it and the stream goes on as a watch",
       Then({{Modified("11"), "go on"}, {CleanEnd(), "watch@11"}})},
      {"a bookmark without the annotation does not",
       {{Added("7"), "go on"}, {Bookmark("9"), "go on"}, {EndOfList("10"), "end@10 go on"}}},
      {"updates and deletes during the list do not move the version",
       {{Added("7"), "go on"},
        {Modified("12"), "go on"},
        {Deleted("13"), "go on"},
        {CleanEnd(), "wait 800ms"},
        {Waited(), "begin stream@"}}},
      {"stop before it is complete: a new one, and pages after the second time",
       {{Added("7"), "go on"},
        {Broken(), "wait 800ms"},
        {Waited(), "begin stream@"},
        {CleanEnd(), "wait 1.6s"},
        {Waited(), "begin list 500"},
        {Page("10"), "end@10 watch@10"}}},
      {"a stop after it is complete: a plain watch from its version",
       Then({{Broken(), "watch@10"}})},
      {"connection refused: the same again",
       {{Refused(), "wait 800ms"},
        {Waited(), "begin stream@"},
        {Refused(), "wait 1.6s"},
        {Waited(), "begin stream@"},
        {Refused(), "wait 3.2s"}}},
      {"429: the same again",
       {{Http(429, "TooManyRequests"), "wait 800ms"}, {Waited(), "begin stream@"}}},
      {"503: the same again",
       {{Http(503, "ServiceUnavailable"), "wait 800ms"}, {Waited(), "begin stream@"}}},
      {"422 (unknown to the server): pages", {{Http(422, "Invalid"), "begin list 500"}}},
      {"400: pages", {{Http(400, "BadRequest"), "begin list 500"}}},
      {"500 inside a good answer (old etcd): pages",
       {{ErrorEvent(500, "InternalError"), "begin list 500"}}},
      {"a line that cannot be decoded: pages", {{Undecodable(), "begin list 500"}}},
      {"403: no pages either, all over again later",
       {{Http(403, "Forbidden"), "wait 800ms"}, {Waited(), "begin stream@"}}},
      {"404: likewise", {{Http(404, "NotFound"), "wait 800ms"}, {Waited(), "begin stream@"}}},
  });
}

TEST(WatchState, StreamingListThatNeverEnds) {
  Options few;
  few.guard_events = 2;
  PlayAll({
      {"the guard falls back to pages", {{Added("7"), "go on"}, {Guard(), "begin list 500"}}},
      {"a list that still flows is given more time",
       {{Added("7"), "go on"},
        {Added("8"), "go on"},
        {Guard(), "go on"},
        {Added("9"), "go on"},
        {Guard(), "begin list 500"}},
       few},
      {"the guard means nothing once it is complete", Then({{Guard(), "go on"}})},
      {"for half an hour after, pages are used at once",
       {{Guard(), "begin list 500"},
        {Page("10"), "end@10 watch@10"},
        {ErrorEvent(410, "Expired"), "begin list 500 NotOlderThan@10"},
        {Page("20"), "end@20 watch@20"},
        {Modified("21"), "go on"},
        {Later(absl::Minutes(31), ErrorEvent(410, "Expired")), "begin stream@21"}}},
  });
}

TEST(WatchState, PagedList) {
  PlayAll({
      {"page after page, the version being the last one's",
       Paged({{Page("10", "a"), "list 500 a"},
              {Page("10", "b"), "list 500 b"},
              {Page("10"), "end@10 watch@10"}})},
      {"an expired token restarts all of it at once (FullListIfExpired)",
       Paged({{Page("10", "a"), "list 500 a"},
              {Http(410, "Expired"), "begin list 500"},
              {Page("12"), "end@12 watch@12"}})},
      {"the second time with a pause", Paged({{Page("10", "a"), "list 500 a"},
                                              {Http(410, "Expired"), "begin list 500"},
                                              {Page("12", "b"), "list 500 b"},
                                              {Http(410, "Expired"), "wait 800ms"},
                                              {Waited(), "begin list 500"}})},
      {"a refused token restarts, too",
       Paged({{Page("10", "a"), "list 500 a"}, {Http(400, "BadRequest"), "begin list 500"}})},
      {"429 asks for the same page again", Paged({{Page("10", "a"), "list 500 a"},
                                                  {Http(429, "TooManyRequests"), "wait 800ms"},
                                                  {Waited(), "list 500 a"}})},
      {"so does a broken connection",
       Paged(
           {{Page("10", "a"), "list 500 a"}, {Broken(), "wait 800ms"}, {Waited(), "list 500 a"}})},
      {"a page that does not fit is asked for in smaller ones",
       Paged({{TooLargeForMemory(), "list 62"},
              {Page("10", "a"), "list 62 a"},
              {TooLargeForMemory(), "list 7 a"},
              {TooLargeForMemory(), "list 1 a"},
              {TooLargeForMemory(), "wait 800ms"}})},
      {"a server that gives the same token again is not followed",
       Paged({{Page("10", "a"), "list 500 a"}, {Page("10", "a"), "wait 800ms"}})},
      {"a page that cannot be decoded", Paged({{Undecodable(), "wait 800ms"}})},
      {"an answer without content", Paged({{CleanEnd(), "wait 800ms"}})},
      {"500: all over again",
       Paged({{Http(500, "InternalError"), "wait 800ms"}, {Waited(), "begin list 500"}})},
  });
}

TEST(WatchState, GoneTriggersRelist) {
  PlayAll({
      {"410 as an event: not older than what was seen (ReflectorExpiredExactResourceVersion)",
       Then({{ErrorEvent(410, "Expired"), "begin stream@10"}})},
      {"410 of old servers is called Gone", Then({{ErrorEvent(410, "Gone"), "begin stream@10"}})},
      {"410 as an answer",
       Then({{Broken(), "watch@10"}, {Http(410, "Expired"), "begin stream@10"}})},
      {"the list is refused as well: the newest, whatever it is (FullListIfExpired)",
       Then({{ErrorEvent(410, "Expired"), "begin stream@10"},
             {Http(410, "Expired"), "begin stream@"},
             {EndOfList("20"), "end@20 go on"}})},
      {"a version that is too new for the server (FullListIfTooLarge)",
       Then({{ErrorEvent(410, "Expired"), "begin stream@10"},
             {Http(504, "Timeout", "ResourceVersionTooLarge"), "begin stream@"},
             {EndOfList("5"), "end@5 back go on"},
             {CleanEnd(), "watch@5"}})},
      {"in pages: too large",
       Paged({{Page("10"), "end@10 watch@10"},
              {ErrorEvent(410, "Expired"), "begin list 500 NotOlderThan@10"},
              {Http(504, "Timeout", "ResourceVersionTooLarge"), "begin list 500"},
              {Page("20"), "end@20 watch@20"}})},
      {"in pages: too large even from the newest: all over again, after a pause",
       Paged({{Page("10", "a"), "list 500 a"},
              {Http(504, "Timeout", "ResourceVersionTooLarge"), "begin list 500"},
              {Page("10", "b"), "list 500 b"},
              {Http(504, "Timeout", "ResourceVersionTooLarge"), "wait 800ms"},
              {Waited(), "begin list 500"}})},
      {"a watch refused as too new",
       Then({{Broken(), "watch@10"},
             {Http(504, "Timeout", "ResourceVersionTooLarge"), "begin stream@"}})},
      {"410 right after every list is no loop without a pause",
       Paged({{Page("10"), "end@10 watch@10"},
              {ErrorEvent(410, "Expired"), "begin list 500 NotOlderThan@10"},
              {Page("11"), "end@11 watch@11"},
              {ErrorEvent(410, "Expired"), "wait 800ms"},
              {Waited(), "begin list 500 NotOlderThan@11"}})},
      {"after progress it may happen again at once",
       Paged({{Page("10"), "end@10 watch@10"},
              {ErrorEvent(410, "Expired"), "begin list 500 NotOlderThan@10"},
              {Page("11"), "end@11 watch@11"},
              {Modified("12"), "go on"},
              {ErrorEvent(410, "Expired"), "begin list 500 NotOlderThan@12"}})},
  });
}

TEST(WatchState, RefusedKeepsResourceVersion) {
  PlayAll({
      {"connection refused: wait, no list (ReflectorListAndWatchInitConnBackoff)",
       Then({{Broken(), "watch@10"},
             {Refused(), "wait 800ms"},
             {Waited(), "watch@10"},
             {Refused(), "wait 1.6s"},
             {Waited(), "watch@10"},
             {Modified("11"), "go on"}})},
      {"429 as an answer (BackoffOnTooManyRequests, NoRelistOnTooManyRequests)",
       Then({{Broken(), "watch@10"},
             {Http(429, "TooManyRequests"), "wait 800ms"},
             {Waited(), "watch@10"}})},
      {"429 as an event",
       Then({{ErrorEvent(429, "TooManyRequests"), "wait 800ms"}, {Waited(), "watch@10"}})},
      {"forbidden for a while", Then({{Broken(), "watch@10"},
                                      {Http(403, "Forbidden"), "wait 800ms"},
                                      {Waited(), "watch@10"}})},
      {"the resource is gone: what it held may be, too",
       Then({{Broken(), "watch@10"},
             {Http(404, "NotFound"), "wait 800ms"},
             {Waited(), "begin stream@10"}})},
      {"a request that makes no sense to the server: list",
       Then({{Broken(), "watch@10"},
             {Http(400, "BadRequest"), "wait 800ms"},
             {Waited(), "begin stream@10"}})},
      {"a line that cannot be decoded: list",
       Then({{Undecodable(), "wait 800ms"}, {Waited(), "begin stream@10"}})},
      {"a line without end: list",
       Then({{TooLargeForMemory(), "wait 800ms"}, {Waited(), "begin stream@10"}})},
  });
}

TEST(WatchState, TooManyRequestsHonoursRetryAfter) {
  PlayAll({
      {"longer than our own wait",
       Then({{Broken(), "watch@10"}, {Http(429, "TooManyRequests", "", "7"), "wait 7s"}})},
      {"shorter",
       Then({{Broken(), "watch@10"}, {Http(429, "TooManyRequests", "", "0"), "wait 800ms"}})},
      {"a server that wants us gone for a day",
       Then({{Broken(), "watch@10"}, {Http(429, "TooManyRequests", "", "86400"), "wait 2m"}})},
      {"in a list", {{Http(429, "TooManyRequests", "", "3"), "wait 3s"}}},
  });
}

TEST(WatchState, RetryInternalError) {
  PlayAll({
      {"at first the watch is tried again, from where it was",
       Then({{ErrorEvent(500, "InternalError"), "wait 800ms"},
             {Waited(), "watch@10"},
             {Later(absl::Seconds(59), ErrorEvent(500, "InternalError")), "wait 1.6s"},
             {Waited(), "watch@10"}})},
      {"after a minute of nothing else it lists",
       Then({{ErrorEvent(500, "InternalError"), "wait 800ms"},
             {Waited(), "watch@10"},
             {Later(absl::Seconds(61), Http(500, "InternalError")), "wait 1.6s"},
             {Waited(), "begin stream@10"}})},
      {"an event in between begins a new minute",
       Then({{ErrorEvent(500, "InternalError"), "wait 800ms"},
             {Waited(), "watch@10"},
             {Later(absl::Seconds(50), Modified("11")), "go on"},
             {Later(absl::Seconds(50), ErrorEvent(500, "InternalError")), "wait 1.6s"},
             {Waited(), "watch@11"}})},
      {"so does a quiet watch", Then({{ErrorEvent(500, "InternalError"), "wait 800ms"},
                                      {Waited(), "watch@10"},
                                      {Later(absl::Minutes(4), CleanEnd()), "head"},
                                      {Page("10"), "watch@10"},
                                      {ErrorEvent(500, "InternalError"), "wait 800ms"},
                                      {Waited(), "watch@10"}})},
  });
}

TEST(WatchState, WatchTimeout) {
  PlayAll({
      {"a clean end after events: on at once", Then({{Modified("11"), "go on"},
                                                     {CleanEnd(), "watch@11"},
                                                     {Deleted("12"), "go on"},
                                                     {CleanEnd(), "watch@12"}})},
      {"a dead peer: on at once",
       Then({{HardStop(), "watch@10"}, {Bookmark("15"), "go on"}, {HardStop(), "watch@15"}})},
      {"a cut stream that had delivered: on at once (IdleTimeoutReconnectsFromLastVersion)",
       Then({{Modified("11"), "go on"}, {Broken(), "watch@11"}})},
      {"a cut stream that never delivered: wait",
       Then({{Broken(), "watch@10"}, {Broken(), "wait 800ms"}})},
  });
}

TEST(WatchState, VeryShortWatchIsError) {
  const absl::Duration short_time = absl::Milliseconds(900);
  PlayAll({
      {"without events", Then({{CleanEnd(), "watch@10"},
                               {CleanEnd(short_time), "wait 800ms"},
                               {Waited(), "watch@10"}})},
      {"with events that lead nowhere", Then({{CleanEnd(), "watch@10"},
                                              {Bookmark("10"), "go on"},
                                              {CleanEnd(short_time), "wait 800ms"}})},
      {"with progress it is none", Then({{CleanEnd(), "watch@10"},
                                         {Modified("11"), "go on"},
                                         {CleanEnd(short_time), "watch@11"}})},
  });
}

TEST(WatchState, BookmarkAdvancesVersionOnly) {
  Play({"bookmark", Then({{Bookmark("15"), "go on"}, {Broken(), "watch@15"}})});
}

TEST(WatchState, ReflectorResourceVersionUpdate) {
  PlayAll({
      {"every kind of event moves it", Then({{Added("11"), "go on"},
                                             {Broken(), "watch@11"},
                                             {Modified("12"), "go on"},
                                             {Broken(), "watch@12"},
                                             {Deleted("13"), "go on"},
                                             {Broken(), "watch@13"}})},
      {"an event without version does not",
       Then({{Modified("11"), "go on"}, {Bookmark(""), "go on"}, {Broken(), "watch@11"}})},
      {"versions need not be numbers", Then({{Modified("xyz"), "go on"}, {Broken(), "watch@xyz"}})},
      {"the leading ADDED of a watch from nowhere do not", Paged({{Page(""), "end@ watch@"},
                                                                  {Added("30"), "go on"},
                                                                  {Added("20"), "go on"},
                                                                  {Broken(), "watch@"},
                                                                  {Added("20"), "go on"},
                                                                  {Modified("31"), "go on"},
                                                                  {Added("32"), "go on"},
                                                                  {Broken(), "watch@32"}})},
      {"also not from version 0",
       Paged({{Page("0"), "end@0 watch@0"}, {Added("30"), "go on"}, {Broken(), "watch@0"}})},
  });
}

TEST(WatchState, SilentWatchIsVerified) {
  PlayAll({
      {"the server is further: nothing was missed",
       Then({{CleanEnd(), "watch@10"}, {CleanEnd(), "head"}, {Page("25"), "watch@10"}})},
      {"the server is further back (restored etcd): everything anew",
       Then({{CleanEnd(), "watch@10"},
             {CleanEnd(), "head"},
             {Page("4"), "begin back stream@"},
             {EndOfList("4"), "end@4 back go on"}})},
      {"a dead peer may have hidden the same",
       Then({{CleanEnd(), "watch@10"}, {HardStop(), "head"}, {Page("10"), "watch@10"}})},
      {"versions that cannot be compared prove nothing", Then({{Modified("b"), "go on"},
                                                               {CleanEnd(), "watch@b"},
                                                               {CleanEnd(), "head"},
                                                               {Page("a"), "watch@b"}})},
      {"no answer: watch on, later again", Then({{CleanEnd(), "watch@10"},
                                                 {CleanEnd(), "head"},
                                                 {Http(429, "TooManyRequests"), "wait 800ms"},
                                                 {Waited(), "watch@10"}})},
      {"a list that went back says so", Then({{ErrorEvent(410, "Expired"), "begin stream@10"},
                                              {EndOfList("9"), "end@9 back go on"}})},
  });
}

TEST(WatchState, StreamOnly) {
  Options options;
  options.mode = WatchState::Mode::kStreamOnly;
  const std::vector<Case> cases = {
      {"watches from the present, without a list",
       {{Page("10", "more"), "end@10 watch@10"}, {Added("11"), "go on"}, {Broken(), "watch@11"}}},
      {"after 410 from the present again",
       {{Page("10"), "end@10 watch@10"},
        {ErrorEvent(410, "Expired"), "head"},
        {Page("90"), "end@90 watch@90"}}},
      {"an old server does not matter: nothing is streamed",
       {{Http(429, "TooManyRequests"), "wait 800ms"},
        {Waited(), "head"},
        {Page("10"), "end@10 watch@10"}}},
      {"history went back",
       {{Page("10"), "end@10 watch@10"}, {CleanEnd(), "head"}, {Page("4"), "end@4 back watch@4"}}},
      {"a list without version", {{Page(""), "wait 800ms"}, {Waited(), "head"}}},
      {"a line that cannot be decoded",
       {{Page("10"), "end@10 watch@10"}, {Undecodable(), "wait 800ms"}, {Waited(), "head"}}},
  };
  for (Case c : cases) {
    c.options = options;
    Play(c);
  }
}

TEST(WatchState, LateInputsOfAFormerStreamAreIgnored) {
  PlayAll({
      {"while waiting",
       {{Refused(), "wait 800ms"},
        {Added("1"), "go on"},
        {Page("2"), "go on"},
        {Undecodable(), "go on"},
        {Waited(), "begin stream@"}}},
      {"a wait that nobody waits for", Then({{Waited(), "go on"}})},
  });
}

TEST(WatchState, BackoffGrowsAndForgets) {
  Play({"up to the maximum, and back after two quiet minutes",
        Then({{Broken(), "watch@10"},
              {Refused(), "wait 800ms"},
              {Waited(), "watch@10"},
              {Refused(), "wait 1.6s"},
              {Waited(), "watch@10"},
              {Refused(), "wait 3.2s"},
              {Waited(), "watch@10"},
              {Refused(), "wait 6.4s"},
              {Waited(), "watch@10"},
              {Refused(), "wait 12.8s"},
              {Waited(), "watch@10"},
              {Refused(), "wait 25.6s"},
              {Waited(), "watch@10"},
              {Refused(), "wait 30s"},
              {Waited(), "watch@10"},
              {Later(absl::Minutes(3), Refused()), "wait 800ms"}})});
}

TEST(WatchState, WatchesEndBeforeProxiesCutThem) {
  for (const double chance : {0.0, 0.5, 0.999}) {
    kr::testing::FixedRandom random(chance);
    WatchState state({}, random);
    const WatchCommand command = state.Begin(MonotonicTime()).command;
    EXPECT_GE(command.timeout_seconds, 240);
    EXPECT_LE(command.timeout_seconds, 290);
    EXPECT_EQ(command.hard_stop, absl::Seconds(command.timeout_seconds + 15));
    EXPECT_EQ(command.guard, absl::Minutes(1));
  }
}

TEST(WatchState, ANewBeginningListsFromTheLastVersion) {
  kr::testing::FixedRandom random(0);
  WatchState state({}, random);
  const MonotonicTime now(absl::Hours(1));
  state.Begin(now);
  state.Next(EndOfList("10").input, now);
  EXPECT_FALSE(state.listing());
  EXPECT_EQ(Describe(state.Begin(now)), "begin stream@10");
  EXPECT_TRUE(state.listing());
}

}  // namespace
}  // namespace kr::cache
