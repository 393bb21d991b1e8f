#include "crds/meta/json_find.h"

#include <gtest/gtest.h>

namespace kr::crds {
namespace {

using nlohmann::json;

TEST(JsonFind, WhatHasAnotherFormIsNotThere) {
  const json object = json::parse(
      R"({"metadata": {"labels": {"a.b/c": "d"}, "generation": 7}, "spec": null, "list": [{}]})");
  EXPECT_EQ(FindText(object, {"metadata", "labels", "a.b/c"}), "d");
  EXPECT_EQ(FindNumber(object, {"metadata", "generation"}), 7);
  EXPECT_EQ(Find(object, {}), &object);
  ASSERT_NE(Find(object, {"spec"}), nullptr);
  EXPECT_TRUE(Find(object, {"spec"})->is_null());
  EXPECT_EQ(Find(object, {"spec", "replicas"}), nullptr);
  EXPECT_EQ(Find(object, {"list", "0"}), nullptr);
  EXPECT_EQ(Find(json(), {"metadata"}), nullptr);
  EXPECT_EQ(FindText(object, {"metadata", "generation"}), "");
  EXPECT_EQ(FindText(object, {"metadata"}, "none"), "none");
  EXPECT_EQ(FindNumber(object, {"metadata", "labels"}, 3), 3);
}

}  // namespace
}  // namespace kr::crds
