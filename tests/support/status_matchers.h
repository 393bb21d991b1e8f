#pragma once

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/base/status.h"

namespace kr::testing {

inline const Status& GetStatus(const Status& status) {
  return status;
}
template <typename T>
const Status& GetStatus(const StatusOr<T>& value) {
  return value.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).ok();
}

// StatusIs(code, message matcher on std::string)
MATCHER_P2(StatusIs, code, message, "is an error with that code and message") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).code() == code &&
         ::testing::Matches(message)(std::string(Message(GetStatus(arg))));
}

}  // namespace kr::testing

#define KR_EXPECT_OK(expr) EXPECT_THAT((expr), ::kr::testing::IsOk())
#define KR_ASSERT_OK(expr) ASSERT_THAT((expr), ::kr::testing::IsOk())
// The value of a StatusOr in a test; stops the test's function when it is an error.
#define KR_ASSERT_OK_AND_ASSIGN(lhs, expr) \
  KR_ASSERT_OK_AND_ASSIGN_INNER(KR_CONCAT(kr_or_, __LINE__), lhs, expr)
#define KR_ASSERT_OK_AND_ASSIGN_INNER(tmp, lhs, expr) \
  auto tmp = (expr);                                  \
  KR_ASSERT_OK(tmp);                                  \
  lhs = *std::move(tmp)
