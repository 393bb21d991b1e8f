#include "reconcilers/actions/notify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/actions/fake_object.h"
#include "tests/support/status_matchers.h"

namespace kr::actions {
namespace {

const cel::Scope kScope = {{"object", cel::Type::Dyn()}};

std::string Told(const crds::Notify& params, const Observed& observed) {
  std::unique_ptr<Action> action = *MakeNotify(params, kScope, "p.notify");
  Next next = action->Ask(nullptr, observed);
  EXPECT_EQ(KindOf(next), "Done");
  EXPECT_EQ(std::get<Done>(next).message, "told: " + std::get<Done>(next).announcement);
  return std::get<Done>(next).announcement;
}

TEST(NotifyTest, SomethingIsAlwaysTold) {
  struct Case {
    const char* name;
    crds::Notify params;
    std::map<std::string, json> values;
    std::string want;
  };
  const std::string fallback = "DaemonSet kube-system/calico-node shows the symptom of this policy";
  const Case cases[] = {
      {"a message", {"Look at it.", ""}, {}, "Look at it."},
      {"an expression", {"", "object.text"}, {{"object.text", "3 of 5"}}, "3 of 5"},
      {"neither", {}, {}, fallback},
      {"an expression with an error",
       {"", "object.text"},
       {},
       fallback + " (messageExpression cannot be evaluated: not listed yet)"},
      {"an expression that gives no text",
       {"", "object.text"},
       {{"object.text", 3}},
       fallback + " (messageExpression gave no text)"},
      {"an expression that gives nothing",
       {"", "object.text"},
       {{"object.text", ""}},
       fallback + " (messageExpression gave no text)"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Told(c.params, Seeing(std::nullopt, c.values)), c.want);
  }
}

// Right behind a write the cache is behind, too.
TEST(NotifyTest, WaitsAMomentForWhatItTells) {
  Observed observed = Seeing(std::nullopt);
  observed.evaluate = [](const cel::Program&) -> StatusOr<json> {
    return Unavailable("the cache has not seen our own write yet");
  };
  const std::unique_ptr<Action> action = *MakeNotify({"", "object.text"}, kScope, "p.notify");
  const Next next = action->Ask(nullptr, observed);
  ASSERT_EQ(KindOf(next), "Wait");
  EXPECT_EQ(std::get<Wait>(next).progress,
            "what is to be told cannot be evaluated yet: the cache has not seen our own write yet");
  observed.now = std::get<Wait>(next).until;
  EXPECT_EQ(KindOf(action->Ask(nullptr, observed)), "Done") << "nobody is left without a notice";
}

TEST(NotifyTest, FitsIntoAnEvent) {
  EXPECT_EQ(Told({std::string(1024, 'x'), ""}, Seeing(std::nullopt)), std::string(1024, 'x'));
  EXPECT_EQ(Told({std::string(1025, 'x'), ""}, Seeing(std::nullopt)),
            std::string(1021, 'x') + "...");
  // Never cut within a character: 1021 is the second byte of one.
  std::string umlauts;
  for (int i = 0; i < 600; ++i) umlauts += "\xc3\xa4";
  EXPECT_EQ(Told({umlauts, ""}, Seeing(std::nullopt)), umlauts.substr(0, 1020) + "...");
}

TEST(NotifyTest, ParametersAreChecked) {
  EXPECT_THAT(MakeNotify({"a", "object.text"}, kScope, "p.notify"),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                "p.notify: message and messageExpression exclude each other"));
  EXPECT_THAT(MakeNotify({"", "objekt"}, kScope, "p.notify"),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                ::testing::StartsWith("p.notify.messageExpression: 1:1: ")));
  EXPECT_THAT(MakeNotify({"", "3"}, kScope, "p.notify"),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                ::testing::StartsWith("p.notify.messageExpression: ")));
}

}  // namespace
}  // namespace kr::actions
