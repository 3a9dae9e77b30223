// SPDX-License-Identifier: Apache-2.0
// A new scheduler on the store of a former one.
#include "gmock/gmock.h"
#include "tests/server/scheduler/scheduler_fixture.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::scheduler {
namespace {

using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;

class SchedulerRestartTest : public SchedulerTest {
 protected:
  JobRef RunOne() {
    Submit("lab-1", 1);
    Register("worker-1");
    const JobRef job = LeaseOne("worker-1");
    StartJob(job);
    return job;
  }
};

TEST_F(SchedulerRestartTest, LeasesAreTakenOverWithAFullTtl) {
  const JobRef job = RunOne();
  clock_.Advance(absl::Seconds(14));
  Restart();
  clock_.Advance(absl::Seconds(14));
  Register("worker-2");
  EXPECT_THAT(Lease("worker-2", 1), IsEmpty());
  EXPECT_EQ(Trial("lab-1", 0).state, spec::JobState::kRunning);
  Register("worker-1");
  EXPECT_EQ(Renew("worker-1", job), Directive::kContinue);
  EXPECT_THAT(Complete(job), IsOk());
}

TEST_F(SchedulerRestartTest, LeasesThatNobodyRenewsEnd) {
  RunOne();
  Restart();
  clock_.Advance(absl::Seconds(15));
  observer_.WaitFor("ended LEASE_EXPIRED", 1);
  EXPECT_EQ(Trial("lab-1", 0).state, spec::JobState::kQueued);
}

TEST_F(SchedulerRestartTest, ResultsOfAnEarlierLifeAreAccepted) {
  const JobRef job = RunOne();
  Restart();
  EXPECT_THAT(Complete(job), IsOk());
  EXPECT_EQ(Trial("lab-1", 0).state, spec::JobState::kSucceeded);
  EXPECT_EQ(scheduler_->LeaseCount(), 0);
}

TEST_F(SchedulerRestartTest, APausedQueueStaysPaused) {
  Submit("lab-1", 1);
  ASSERT_THAT(scheduler_->SetQueuePaused(true), IsOk());
  Restart();
  EXPECT_TRUE(scheduler_->IsQueuePaused());
  Register("worker-1");
  EXPECT_THAT(Lease("worker-1", 1), IsEmpty());
}

TEST_F(SchedulerRestartTest, BackOffsEnd) {
  Submit("lab-1", 1);
  Register("worker-1");
  ASSERT_THAT(Fail(LeaseOne("worker-1"), spec::FailureReason::kException), IsOk());
  EXPECT_THAT(Lease("worker-1", 1), IsEmpty());
  Restart();
  Register("worker-1");
  EXPECT_THAT(Lease("worker-1", 1), SizeIs(1));
}

// The wall clock may have been set back or forth while the server was down.
class ClockJumpTest : public SchedulerRestartTest, public ::testing::WithParamInterface<int> {};

TEST_P(ClockJumpTest, StampsOfAnotherClockDecideNothing) {
  const JobRef held = RunOne();
  Submit("lab-2", 1);
  const JobRef failed = LeaseOne("worker-1");
  ASSERT_THAT(Fail(failed, spec::FailureReason::kException), IsOk());
  StopScheduler();

  SimulatedClock jumped(clock_.Now() + absl::Hours(GetParam()));
  Scheduler scheduler(*store_, jumped, {.lease_ttl = absl::Seconds(15)}, observer_);
  ASSERT_THAT(scheduler.Start(), IsOk());
  ASSERT_THAT(scheduler.RegisterWorker({.worker_id = "worker-1", .instance_id = "first"}), IsOk());
  jumped.Advance(absl::Seconds(14));
  const auto jobs =
      scheduler.LeaseJobs("worker-1", "first", 4, absl::ZeroDuration(), [] { return false; });
  ASSERT_THAT(jobs, IsOk());
  ASSERT_THAT(*jobs, SizeIs(1));  // the failed one, and not the one that is held
  EXPECT_EQ((*jobs)[0].submission_name, "sweeps/lab-2");
  const auto renewed = scheduler.RenewLeases("worker-1", "first", {held}, 1);
  ASSERT_THAT(renewed, IsOk());
  EXPECT_EQ(renewed->jobs[0], Directive::kContinue);
}

INSTANTIATE_TEST_SUITE_P(Hours, ClockJumpTest, ::testing::Values(-24 * 365, -1, 0, 1, 24 * 365));

}  // namespace
}  // namespace bitsweep::scheduler
