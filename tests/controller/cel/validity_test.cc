#include "controller/cel/validity.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controller/cel/program.h"
#include "controller/document/decoder.h"
#include "tests/controller/cel/support/canonical.h"
#include "tests/controller/cel/support/random_cel.h"
#include "tests/support/status_matchers.h"

namespace kr::cel {
namespace {

using nlohmann::json;

absl::Time At(std::string_view text) {
  absl::Time t;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, std::string(text), &t, &error)) << error;
  return t;
}

class ValidityTest : public ::testing::Test {
 protected:
  Outcome Evaluate(std::string_view expression, absl::Time now) {
    const auto program = Program::Compile(expression, testing::OracleScope());
    KR_EXPECT_OK(program.status());
    testing::Variables variables;
    variables.Set("object", Value::Node(document_->root()));
    return program->Evaluate(variables, now);
  }

  document::Decoder decoder_;
  document::DocumentPtr document_ =
      decoder_.FromJson({{"t", "2026-01-02T03:00:00Z"}, {"list", {1, 2}}});
};

TEST_F(ValidityTest, HoldsExactlyUntilTheOutcomeCanChange) {
  const struct {
    std::string_view expression;
    std::string_view now;
    bool value;
    std::string_view until;  // "" for ages
  } kCases[] = {
      // `now` reaches a point: strict and not strict differ by a nanosecond.
      {"now >= timestamp(object.t)", "2026-01-02T02:00:00Z", false, "2026-01-02T03:00:00Z"},
      {"now > timestamp(object.t)", "2026-01-02T02:00:00Z", false,
       "2026-01-02T03:00:00.000000001Z"},
      {"now <= timestamp(object.t)", "2026-01-02T02:00:00Z", true,
       "2026-01-02T03:00:00.000000001Z"},
      {"now < timestamp(object.t)", "2026-01-02T02:00:00Z", true, "2026-01-02T03:00:00Z"},
      {"timestamp(object.t) > now", "2026-01-02T02:00:00Z", true, "2026-01-02T03:00:00Z"},
      {"now == timestamp(object.t)", "2026-01-02T02:00:00Z", false, "2026-01-02T03:00:00Z"},
      {"now == timestamp(object.t)", "2026-01-02T03:00:00Z", true,
       "2026-01-02T03:00:00.000000001Z"},
      {"now <= timestamp(object.t)", "2026-01-02T03:00:00Z", true,
       "2026-01-02T03:00:00.000000001Z"},
      {"now < timestamp(object.t)", "2026-01-02T03:00:00Z", false, ""},
      {"now >= timestamp(object.t)", "2026-01-02T04:00:00Z", true, ""},
      {"now == timestamp(object.t)", "2026-01-02T04:00:00Z", false, ""},
      // Ages.
      {"now - timestamp(object.t) > duration('10m')", "2026-01-02T03:05:00Z", false,
       "2026-01-02T03:10:00.000000001Z"},
      {"duration('10m') < now - timestamp(object.t)", "2026-01-02T03:05:00Z", false,
       "2026-01-02T03:10:00.000000001Z"},
      {"now - timestamp(object.t) >= duration('10m')", "2026-01-02T03:05:00Z", false,
       "2026-01-02T03:10:00Z"},
      {"timestamp(object.t) - now < duration('10m')", "2026-01-02T02:00:00Z", false,
       "2026-01-02T02:50:00.000000001Z"},
      {"timestamp(object.t) + duration('1h') < now", "2026-01-02T03:05:00Z", false,
       "2026-01-02T04:00:00.000000001Z"},
      // Twice as fast: rounded to the nanosecond in which it happens.
      {"(now - timestamp(object.t)) + (now - timestamp(object.t)) >= duration('3ns')",
       "2026-01-02T03:00:00Z", false, "2026-01-02T03:00:00.000000002Z"},
      // Both sides move: nothing ever changes.
      {"now - duration('1h') < now", "2026-01-02T03:00:00Z", true, ""},
      {"now - now == duration('0')", "2026-01-02T03:00:00Z", true, ""},
      // Only what was executed counts.
      {"true || now > timestamp(object.t)", "2026-01-02T02:00:00Z", true, ""},
      {"object.list.exists(x, x == 1 || now > timestamp(object.t))", "2026-01-02T02:00:00Z", true,
       ""},
      {"now > timestamp(object.t) || now > timestamp(object.t) - duration('1h')",
       "2026-01-02T01:00:00Z", false, "2026-01-02T02:00:00.000000001Z"},
      // Fields.
      {"now.getHours() == 3", "2026-01-02T03:05:00Z", true, "2026-01-02T04:00:00Z"},
      {"now.getMinutes() == 5", "2026-01-02T03:05:30Z", true, "2026-01-02T03:06:00Z"},
      {"now.getSeconds() == 30", "2026-01-02T03:05:30.5Z", true, "2026-01-02T03:05:31Z"},
      {"now.getDate() == 2", "2026-01-02T03:05:00Z", true, "2026-01-03T00:00:00Z"},
      {"now.getDayOfWeek('Europe/Berlin') == 5", "2026-01-02T03:05:00Z", true,
       "2026-01-02T23:00:00Z"},
      {"now.getMonth() == 0", "2026-01-02T03:05:00Z", true, "2026-02-01T00:00:00Z"},
      {"now.getFullYear('-05:00') == 2025", "2026-01-01T03:05:00Z", true, "2026-01-01T05:00:00Z"},
      // Berlin falls back at 01:00Z: the hour 2 comes twice, each time for an hour.
      {"now.getHours('Europe/Berlin') == 2", "2025-10-26T00:30:00Z", true, "2025-10-26T01:00:00Z"},
      {"now.getHours('Europe/Berlin') == 2", "2025-10-26T01:30:00Z", true, "2025-10-26T02:00:00Z"},
      {"now.getHours('Europe/Berlin') == 1", "2026-03-29T00:30:00Z", true, "2026-03-29T01:00:00Z"},
      {"(now - timestamp(object.t)).getMinutes() == 5", "2026-01-02T03:05:30Z", true,
       "2026-01-02T03:06:00Z"},
      // Cut towards zero: minus 59 s and plus 59 s are both no minute.
      {"(now - timestamp(object.t)).getMinutes() == 0", "2026-01-02T02:59:30Z", true,
       "2026-01-02T03:01:00Z"},
      {"(now - timestamp(object.t)).getMinutes() == -1", "2026-01-02T02:58:30Z", true,
       "2026-01-02T02:59:00.000000001Z"},
      {"(timestamp(object.t) - now).getMinutes() == 1", "2026-01-02T02:58:30Z", true,
       "2026-01-02T02:59:00.000000001Z"},
      // Lists.
      {"[now - timestamp(object.t), duration('1h')].max() == duration('1h')",
       "2026-01-02T03:30:00Z", true, "2026-01-02T04:00:00Z"},
      {"duration('10m') in [now - timestamp(object.t)]", "2026-01-02T03:05:00Z", false,
       "2026-01-02T03:10:00Z"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(std::string(c.expression) + " at " + std::string(c.now));
    const Outcome outcome = Evaluate(c.expression, At(c.now));
    KR_ASSERT_OK(outcome.value);
    EXPECT_EQ(*outcome.value->AsBool(), c.value);
    if (c.until.empty()) {
      // At the latest a time or an age leaves its range.
      EXPECT_GT(outcome.valid_until, At("2200-01-01T00:00:00Z"));
    } else {
      EXPECT_EQ(outcome.valid_until, At(c.until));
    }
  }
}

TEST_F(ValidityTest, SetsAndMacrosWithTwoVariablesReportTheirCrossings) {
  const struct {
    std::string_view expression;
    bool value;
    std::string_view until;
  } kCases[] = {
      {"sets.contains([now - timestamp(object.t)], [duration('10m')])", false,
       "2026-01-02T03:10:00Z"},
      {"sets.intersects([duration('1h'), duration('5m')], [now - timestamp(object.t)])", true,
       "2026-01-02T03:05:00.000000001Z"},
      {"[duration('7m'), duration('6m')].exists(i, d, i > 0 && now - timestamp(object.t) > d)",
       false, "2026-01-02T03:06:00.000000001Z"},
      {"{'a': timestamp(object.t)}.transformMap(k, t, now - t).a > duration('9m')", false,
       "2026-01-02T03:09:00.000000001Z"},
      {"[timestamp(object.t)].transformList(i, t, now - t)[0] > duration('8m')", false,
       "2026-01-02T03:08:00.000000001Z"},
      {"[timestamp(object.t)].transformMapEntry(i, t, {'a': now - t}).a >= duration('6m')", false,
       "2026-01-02T03:06:00Z"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.expression);
    const Outcome outcome = Evaluate(c.expression, At("2026-01-02T03:05:00Z"));
    KR_ASSERT_OK(outcome.value);
    EXPECT_EQ(*outcome.value->AsBool(), c.value);
    EXPECT_EQ(outcome.valid_until, At(c.until));
  }
}

// The other side of the property below: what holds until a crossing changes there, so nobody is
// woken for nothing.
TEST_F(ValidityTest, ACrossingChangesTheOutcome) {
  testing::RandomCel random(12);
  std::mt19937_64 dice(13);
  int crossings = 0;
  for (int i = 0; i < 2'000; ++i) {
    const std::string expression = random.TimeComparison();
    const absl::Time now =
        At("2026-01-02T03:00:00Z") + absl::Seconds(static_cast<int64_t>(dice() % 9'000) - 4'000);
    SCOPED_TRACE(expression + " at " + absl::FormatTime(now, absl::UTCTimeZone()));
    const Outcome outcome = Evaluate(expression, now);
    // At the latest a duration leaves its range of 292 years, which is an error.
    if (!outcome.value.ok() || outcome.valid_until > At("2200-01-01T00:00:00Z")) continue;
    const Outcome later = Evaluate(expression, outcome.valid_until);
    KR_ASSERT_OK(later.value);
    EXPECT_NE(*outcome.value->AsBool(), *later.value->AsBool());
    ++crossings;
  }
  EXPECT_GT(crossings, 500);
}

TEST_F(ValidityTest, AnErrorHoldsUntilItCanGo) {
  // Out of the range of durations (292 years) now, inside of it later.
  const Outcome outcome = Evaluate("timestamp('2400-01-01T00:00:00Z') - now > duration('1h')",
                                   At("2026-01-01T00:00:00Z"));
  EXPECT_FALSE(outcome.value.ok());
  EXPECT_EQ(outcome.valid_until, At("2400-01-01T00:00:00Z") - absl::Nanoseconds(INT64_MAX));
}

TEST_F(ValidityTest, DoublingNowForEverIsAnError) {
  std::string expression = "d > duration('1s')";
  for (int i = 0; i < 80; ++i) expression = "cel.bind(d, d + d, " + expression + ")";
  expression = "cel.bind(d, now - timestamp(object.t), " + expression + ")";
  EXPECT_FALSE(Evaluate(expression, At("2026-01-02T03:00:00Z")).value.ok());
}

TEST_F(ValidityTest, ResultIsTheSameUntilValidUntil) {
  testing::RandomCel random(99);
  std::mt19937_64 dice(5);
  int bounded = 0;
  for (int i = 0; i < 2'500; ++i) {
    const json object = random.Object();
    const std::string expression = random.TimeExpression();
    const auto program = Program::Compile(expression, testing::OracleScope());
    if (!program.ok()) continue;
    const auto document = decoder_.FromJson(object);
    testing::Variables variables;
    variables.Set("object", Value::Node(document->root()));
    const auto evaluate = [&](absl::Time t) {
      const Outcome outcome = program->Evaluate(variables, t);
      const json value = outcome.value.ok() ? testing::Canonical(*outcome.value) : json("error");
      return std::pair(value, outcome.valid_until);
    };
    // Near the times in the objects, on and off whole seconds.
    const absl::Time now = At("2026-01-02T03:00:00Z") +
                           absl::Seconds(static_cast<int64_t>(dice() % 900) - 300) +
                           absl::Nanoseconds(dice() % 3);
    SCOPED_TRACE(expression + "\n" + object.dump() + "\n" +
                 absl::FormatTime(now, absl::UTCTimeZone()));
    const auto [value, until] = evaluate(now);
    ASSERT_GT(until, now);
    const absl::Time last = until == absl::InfiniteFuture() ? now + absl::Hours(24 * 365)
                                                            : until - absl::Nanoseconds(1);
    bounded += until != absl::InfiniteFuture();
    const absl::Duration span = last - now;
    for (const double part : {0.0, 0.000001, 0.3, 0.7, 0.9999, 1.0}) {
      const absl::Time t = part == 1.0 ? last : now + span * part;
      EXPECT_EQ(evaluate(t).first, value) << absl::FormatTime(t, absl::UTCTimeZone());
    }
  }
  EXPECT_GT(bounded, 1'000);
}

}  // namespace
}  // namespace kr::cel
