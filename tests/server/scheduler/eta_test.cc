// SPDX-License-Identifier: Apache-2.0
#include "server/scheduler/eta.h"

#include "gtest/gtest.h"

namespace bitsweep::scheduler {
namespace {

TEST(EstimateEtaTest, ScalesWhatIsOpenByTheSpeedOfWhatIsDone) {
  // 2 units of cost took 10 s, so one takes 5 s; 6 units are open: 30 s of work, on 3 at a time.
  const store::WorkSummary work{.finished_cost = 2, .finished_seconds = 10, .open_cost = 6};
  EXPECT_EQ(EstimateEta(work, 3), absl::Seconds(10));
}

TEST(EstimateEtaTest, CountsAtLeastOneTrialAtATime) {
  const store::WorkSummary work{.finished_cost = 2, .finished_seconds = 10, .open_cost = 6};
  EXPECT_EQ(EstimateEta(work, 0), absl::Seconds(30));
}

TEST(EstimateEtaTest, SaysNothingBeforeATrialHasFinished) {
  EXPECT_EQ(EstimateEta({.finished_cost = 0, .finished_seconds = 0, .open_cost = 6}, 1),
            std::nullopt);
}

TEST(EstimateEtaTest, SaysNothingWhenNothingIsOpen) {
  EXPECT_EQ(EstimateEta({.finished_cost = 2, .finished_seconds = 10, .open_cost = 0}, 1),
            std::nullopt);
}

}  // namespace
}  // namespace bitsweep::scheduler
