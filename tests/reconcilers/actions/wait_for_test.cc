#include "reconcilers/actions/wait_for.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/actions/fake_object.h"
#include "tests/support/status_matchers.h"

namespace kr::actions {
namespace {

const cel::Scope kScope = {{"object", cel::Type::Dyn()}};

std::unique_ptr<Action> WaitUntilReady(absl::Duration hold_for = absl::ZeroDuration()) {
  crds::WaitFor params;
  params.expression = "object.ready";
  params.hold_for = hold_for;
  params.timeout = absl::Minutes(10);
  return *MakeWaitFor(params, kScope, "p.waitFor");
}

Observed Ready(json value, int seconds) {
  Observed observed = Seeing(std::nullopt, {{"object.ready", std::move(value)}});
  observed.now = At(seconds);
  return observed;
}
Observed Unknown(int seconds) {
  Observed observed = Seeing(std::nullopt);
  observed.now = At(seconds);
  return observed;
}

TEST(WaitForTest, WhatItAnswers) {
  struct Case {
    const char* name;
    Observed observed;
    std::string want;
  };
  const Case cases[] = {
      {"true", Ready(true, 5), "Done true: object.ready"},
      {"true at the last moment", Ready(true, 600), "Done true: object.ready"},
      {"false", Ready(false, 5), "Wait not true yet"},
      {"unknown", Unknown(5), "Wait cannot be evaluated: not listed yet"},
      {"not a bool", Ready("yes", 5), "Wait cannot be evaluated: expected a bool, got \"yes\""},
      {"false for too long", Ready(false, 600),
       "Failed Timeout: still waiting after 10m until object.ready (not true yet)"},
      {"unknown for too long", Unknown(600),
       "Failed Timeout: still waiting after 10m until object.ready (cannot be evaluated: not "
       "listed yet)"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Next next = WaitUntilReady()->Ask(nullptr, c.observed);
    EXPECT_EQ(Text(next), c.want);
    if (auto* wait = std::get_if<Wait>(&next)) {
      EXPECT_EQ(wait->until, At(600));
    }
  }
}

TEST(WaitForTest, TrueHasToLastWithoutABreak) {
  std::unique_ptr<Action> action = WaitUntilReady(absl::Seconds(30));
  json memo;
  auto ask = [&](const Observed& observed) {
    Next next = action->Ask(memo, observed);
    if (auto* wait = std::get_if<Wait>(&next)) memo = wait->memo;
    return next;
  };
  Next next = ask(Ready(true, 10));
  EXPECT_EQ(Text(next), "Wait true since 2026-01-02T03:00:10Z");
  EXPECT_EQ(std::get<Wait>(next).until, At(40));
  EXPECT_EQ(KindOf(ask(Ready(false, 20))), "Wait");
  EXPECT_EQ(std::get<Wait>(ask(Ready(true, 25))).until, At(55));
  EXPECT_EQ(KindOf(ask(Unknown(30))), "Wait") << "unknown is a break too";
  EXPECT_EQ(std::get<Wait>(ask(Ready(true, 41))).until, At(71));
  EXPECT_EQ(std::get<Wait>(ask(Ready(true, 70))).until, At(71));
  EXPECT_EQ(KindOf(ask(Ready(true, 71))), "Done");
}

TEST(WaitForTest, TheTimeoutEndsItAlsoWhileTrue) {
  std::unique_ptr<Action> action = WaitUntilReady(absl::Seconds(30));
  Next next = action->Ask(nullptr, Ready(true, 590));
  EXPECT_EQ(std::get<Wait>(next).until, At(600)) << "the earlier of timeout and `for`";
  EXPECT_EQ(Text(action->Ask(std::get<Wait>(next).memo, Ready(true, 600))),
            "Failed Timeout: still waiting after 10m until object.ready (true since "
            "2026-01-02T03:09:50Z)");
}

TEST(WaitForTest, AForgottenOrImpossibleMemoLengthensTheWait) {
  std::unique_ptr<Action> action = WaitUntilReady(absl::Seconds(30));
  for (const json& memo : {json(), json{{"since", "odd"}}, json{{"since", 3}},
                           json{{"since", "2026-01-02T04:00:00Z"}}}) {
    EXPECT_EQ(std::get<Wait>(action->Ask(memo, Ready(true, 100))).until, At(130)) << memo;
  }
}

TEST(WaitForTest, DescribesItself) {
  EXPECT_EQ(WaitUntilReady()->Describe(), "wait until object.ready, at most 10m");
  EXPECT_EQ(WaitUntilReady(absl::Seconds(30))->Describe(),
            "wait until object.ready for 30s, at most 10m");
  ASSERT_EQ(WaitUntilReady()->Expressions().size(), 1u);
  EXPECT_EQ(WaitUntilReady()->Expressions()[0]->text(), "object.ready");
}

TEST(WaitForTest, TheExpressionIsCompiled) {
  crds::WaitFor params;
  params.expression = "objekt.ready";
  EXPECT_THAT(MakeWaitFor(params, kScope, "p.waitFor"),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                ::testing::StartsWith("p.waitFor.expression: 1:1: ")));
  params.expression = "1 + 1";
  EXPECT_THAT(MakeWaitFor(params, kScope, "p.waitFor"),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                ::testing::StartsWith("p.waitFor.expression: ")));
}

}  // namespace
}  // namespace kr::actions
