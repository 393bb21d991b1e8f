#include "crds/meta/label_selector.h"

#include <gtest/gtest.h>

namespace kr::crds {
namespace {

using Operator = LabelSelector::Operator;
using Labels = std::map<std::string, std::string>;

LabelSelector Requires(Operator op, std::vector<std::string> values = {}) {
  return {.match_expressions = {{.key = "tier", .op = op, .values = std::move(values)}}};
}

TEST(LabelSelector, EachOperatorAsInKubernetes) {
  const Labels none;
  const Labels web = {{"tier", "web"}};
  const Labels empty_value = {{"tier", ""}};
  struct Case {
    LabelSelector selector;
    bool without_label, with_web, with_empty;
  };
  const Case cases[] = {
      {{}, true, true, true},
      {{.match_labels = {{"tier", "web"}}}, false, true, false},
      {{.match_labels = {{"tier", ""}}}, false, false, true},
      {Requires(Operator::kIn, {"web", "db"}), false, true, false},
      {Requires(Operator::kNotIn, {"web", "db"}), true, false, true},
      {Requires(Operator::kExists), false, true, true},
      {Requires(Operator::kDoesNotExist), true, false, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.selector.ToString());
    EXPECT_EQ(c.selector.Matches(none), c.without_label);
    EXPECT_EQ(c.selector.Matches(web), c.with_web);
    EXPECT_EQ(c.selector.Matches(empty_value), c.with_empty);
  }
}

TEST(LabelSelector, AllPartsMustHold) {
  LabelSelector selector = Requires(Operator::kExists);
  selector.match_labels = {{"app", "web"}};
  EXPECT_TRUE(selector.Matches(Labels{{"app", "web"}, {"tier", "x"}}));
  EXPECT_FALSE(selector.Matches(Labels{{"app", "web"}}));
  EXPECT_FALSE(selector.Matches(Labels{{"tier", "x"}}));
}

TEST(LabelSelector, PrintsAsListParameter) {
  const LabelSelector selector = {.match_labels = {{"app", "web"}, {"zone", "a"}},
                                  .match_expressions = {{"tier", Operator::kIn, {"x", "y"}},
                                                        {"env", Operator::kNotIn, {"dev"}},
                                                        {"new", Operator::kExists, {}},
                                                        {"old", Operator::kDoesNotExist, {}}}};
  EXPECT_EQ(selector.ToString(), "app=web,zone=a,tier in (x,y),env notin (dev),new,!old");
  EXPECT_EQ(LabelSelector{}.ToString(), "");
}

}  // namespace
}  // namespace kr::crds
