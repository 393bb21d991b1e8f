#include "reconcilers/limits/kured_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/limits/limits_testing.h"
#include "tests/support/status_matchers.h"

namespace kr::limits {
namespace {

using ::testing::HasSubstr;

// "node until time" of each lock, or the error.
std::string Read(std::string_view annotation) {
  const auto locks = ParseKuredLock(annotation);
  if (!locks.ok()) return std::string(Message(locks.status()));
  std::string text;
  for (const KuredLock& lock : *locks) {
    text += lock.node;
    if (lock.expires != absl::InfiniteFuture()) {
      text += " until " + absl::FormatTime("%H:%M:%S", lock.expires, absl::UTCTimeZone());
    }
    text += ";";
  }
  return text;
}

TEST(KuredLockTest, OfOneOwnerAndOfSeveral) {
  const struct {
    const char* annotation;
    const char* locks;
  } cases[] = {
      {R"({"nodeID":"n","metadata":{"unschedulable":false},"created":"2026-01-02T03:04:05Z","TTL":0})",
       "n;"},
      {R"({"nodeID":"n","created":"2026-01-02T03:04:05.5Z","TTL":90000000000})",
       "n until 03:05:35;"},
      {R"({"nodeID":"n","created":"2026-01-02T05:04:05+02:00","TTL":1000000000})",
       "n until 03:04:06;"},
      {R"({"maxOwners":2,"locks":[{"nodeID":"a"},{"nodeID":"b","TTL":0}]})", "a;b;"},
      {R"({"maxOwners":2,"locks":[]})", ""},
      {R"({"maxOwners":2,"locks":null})", ""},
  };
  for (const auto& one : cases) EXPECT_EQ(Read(one.annotation), one.locks) << one.annotation;
}

TEST(KuredLockTest, WhatCannotBeUnderstood) {
  const struct {
    const char* annotation;
    const char* error;
  } cases[] = {
      {"", "expected a JSON object"},
      {"n", "expected a JSON object"},
      {"[]", "expected a JSON object"},
      {"{}", "nodeID is missing"},
      {R"({"nodeID":7})", "nodeID is missing"},
      {R"({"locks":7})", "locks: expected a list"},
      {R"({"locks":[7]})", "locks: expected objects"},
      {R"({"nodeID":"n","created":"then","TTL":5})", "created: "},
  };
  for (const auto& one : cases) {
    EXPECT_THAT(Read(one.annotation), HasSubstr(one.error)) << one.annotation;
  }
}

}  // namespace
}  // namespace kr::limits
