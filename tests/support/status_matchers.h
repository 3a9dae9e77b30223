// SPDX-License-Identifier: Apache-2.0
// gMock matchers for absl::Status and absl::StatusOr.
#ifndef BITSWEEP_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define BITSWEEP_TESTS_SUPPORT_STATUS_MATCHERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bitsweep::testing {

inline const absl::Status& AsStatus(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& AsStatus(const absl::StatusOr<T>& value) {
  return value.status();
}

// EXPECT_THAT(Load(path), IsOk());
MATCHER(IsOk, "is OK") {
  *result_listener << AsStatus(arg).ToString();
  return AsStatus(arg).ok();
}

// EXPECT_THAT(Load(path), StatusIs(absl::StatusCode::kNotFound, HasSubstr("x.csv")));
MATCHER_P2(StatusIs, code, message_matcher, "") {
  const absl::Status& status = AsStatus(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         ::testing::ExplainMatchResult(message_matcher, std::string(status.message()),
                                       result_listener);
}
MATCHER_P(StatusIs, code, "") {
  *result_listener << AsStatus(arg).ToString();
  return AsStatus(arg).code() == code;
}

}  // namespace bitsweep::testing

// Assigns the value of a StatusOr, or ends the test with its status.
#define ASSERT_OK_AND_ASSIGN(lhs, expr) \
  ASSERT_OK_AND_ASSIGN_IMPL(BITSWEEP_TEST_CONCAT(status_or_, __LINE__), lhs, expr)
#define BITSWEEP_TEST_CONCAT_INNER(a, b) a##b
#define BITSWEEP_TEST_CONCAT(a, b) BITSWEEP_TEST_CONCAT_INNER(a, b)
#define ASSERT_OK_AND_ASSIGN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                              \
  ASSERT_TRUE(tmp.ok()) << tmp.status();          \
  lhs = *std::move(tmp)

#endif  // BITSWEEP_TESTS_SUPPORT_STATUS_MATCHERS_H_
