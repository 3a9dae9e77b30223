// SPDX-License-Identifier: Apache-2.0
#include "core/base/errors.h"

#include "tests/support/status_matchers.h"

namespace bitsweep {
namespace {

using ::bitsweep::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(ErrorsTest, DetailsTravelInsideTheStatus) {
  const absl::Status status =
      ErrorWithDetails(absl::StatusCode::kResourceExhausted, "queue is full: 7 of 7",
                       {.reason = "QUEUE_FULL",
                        .metadata = {{"limit", "7"}, {"kind", "trial"}},
                        .violations = {{"sweep.seed", "-1: expected 0 or more"}},
                        .retry_after = absl::Milliseconds(2500),
                        .resource_type = "sweep",
                        .resource_name = "sweeps/lab-1"});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, "queue is full: 7 of 7"));
  const std::optional<ErrorDetails> details = GetErrorDetails(status);
  ASSERT_TRUE(details.has_value());
  EXPECT_EQ(details->reason, "QUEUE_FULL");
  EXPECT_THAT(details->metadata, ElementsAre(Pair("kind", "trial"), Pair("limit", "7")));
  EXPECT_THAT(details->violations,
              ElementsAre(FieldViolation{"sweep.seed", "-1: expected 0 or more"}));
  EXPECT_EQ(details->retry_after, absl::Milliseconds(2500));
  EXPECT_EQ(details->resource_type, "sweep");
  EXPECT_EQ(details->resource_name, "sweeps/lab-1");
}

TEST(ErrorsTest, UnsetDetailsStayUnset) {
  const std::optional<ErrorDetails> details =
      GetErrorDetails(ErrorWithDetails(absl::StatusCode::kAborted, "m", {.reason = "R"}));
  ASSERT_TRUE(details.has_value());
  EXPECT_EQ(details->retry_after, std::nullopt);
  EXPECT_TRUE(details->metadata.empty());
  EXPECT_TRUE(details->violations.empty());
  EXPECT_EQ(details->resource_name, "");
}

TEST(ErrorsTest, APlainStatusHasNoDetails) {
  EXPECT_EQ(GetErrorDetails(absl::OkStatus()), std::nullopt);
  EXPECT_EQ(GetErrorDetails(absl::InternalError("disk on fire")), std::nullopt);
}

TEST(ErrorsTest, DetailsSurviveBytesThatAreNoText) {
  const std::optional<ErrorDetails> details = GetErrorDetails(ErrorWithDetails(
      absl::StatusCode::kNotFound, "m", {.reason = "R", .resource_name = "a\xff"}));
  ASSERT_TRUE(details.has_value());
  EXPECT_THAT(details->resource_name, HasSubstr("a"));
}

TEST(ErrorsTest, InvalidSpecListsEveryViolation) {
  const absl::Status status = InvalidSpecError({{"sweep.repeats", "0: expected 1 to 10000"},
                                                {"sweep.base.batch_size", "0: expected 1 to 9"}});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               "sweep.repeats: 0: expected 1 to 10000; "
                               "sweep.base.batch_size: 0: expected 1 to 9"));
  EXPECT_EQ(GetErrorDetails(status)->reason, "INVALID_SPEC");
  EXPECT_EQ(GetErrorDetails(status)->violations.size(), 2u);
}

TEST(ErrorsTest, NotFoundNamesTheThing) {
  const absl::Status status = NotFoundError("sweep", "sweeps/lab-9");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound, "no such sweep: sweeps/lab-9"));
  EXPECT_EQ(GetErrorDetails(status)->reason, "SWEEP_NOT_FOUND");
  EXPECT_EQ(GetErrorDetails(status)->resource_type, "sweep");
  EXPECT_EQ(GetErrorDetails(status)->resource_name, "sweeps/lab-9");
}

TEST(ErrorsTest, InvalidStateNamesWhatIsAndWhatWasWanted) {
  const absl::Status status =
      InvalidStateError("sweeps/lab-1", "SUCCEEDED", "only a sweep that has not ended can pause");
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "sweeps/lab-1 is SUCCEEDED; only a sweep that has not ended can pause"));
  EXPECT_EQ(GetErrorDetails(status)->reason, "INVALID_STATE");
  EXPECT_THAT(GetErrorDetails(status)->metadata,
              ElementsAre(Pair("name", "sweeps/lab-1"), Pair("state", "SUCCEEDED")));
}

TEST(ErrorsTest, LeaseLostNamesJobAndAttempt) {
  const absl::Status status = LeaseLostError("sweeps/lab-1/trials/3", 2, "is not the current one");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted,
                               "sweeps/lab-1/trials/3: attempt 2 is not the current one"));
  EXPECT_EQ(GetErrorDetails(status)->reason, "LEASE_LOST");
  EXPECT_THAT(GetErrorDetails(status)->metadata,
              ElementsAre(Pair("attempt", "2"), Pair("job", "sweeps/lab-1/trials/3")));
}

}  // namespace
}  // namespace bitsweep
