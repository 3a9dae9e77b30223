// SPDX-License-Identifier: Apache-2.0
// How jobs end: results, failures, releases, cancellations.
#include <future>

#include "core/base/errors.h"
#include "gmock/gmock.h"
#include "tests/server/scheduler/scheduler_fixture.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::scheduler {
namespace {

using ::testing::_;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;
using testing::StatusIs;

class JobEndTest : public SchedulerTest {
 protected:
  void SetUp() override {
    SchedulerTest::SetUp();
    Register("worker-1");
    Register("worker-2");
  }
};

TEST_F(JobEndTest, AResultEndsATrial) {
  Submit("lab-1", 1);
  ASSERT_THAT(Complete(LeaseOne("worker-1")), IsOk());
  EXPECT_EQ(Trial("lab-1", 0).state, spec::JobState::kSucceeded);
  EXPECT_EQ(scheduler_->LeaseCount(), 0);
  EXPECT_EQ(observer_.Count("finished SUCCEEDED"), 1);
  EXPECT_EQ(observer_.Count("committed"), 1);
}

TEST_F(JobEndTest, RepeatingAResultIsOkAndCountedOnce) {
  Submit("lab-1", 1);
  const JobRef job = LeaseOne("worker-1");
  ASSERT_THAT(Complete(job), IsOk());
  EXPECT_THAT(Complete(job), IsOk());
  EXPECT_EQ(observer_.Count("finished SUCCEEDED"), 1);
  EXPECT_EQ(observer_.Count("ended SUCCEEDED"), 1);
  EXPECT_EQ(observer_.Count("fenced"), 0);
}

TEST_F(JobEndTest, AnErrorThatWouldRepeatEndsATrial) {
  Submit("lab-1", 1);
  const auto state = Fail(LeaseOne("worker-1"), spec::FailureReason::kNanLoss);
  ASSERT_THAT(state, IsOk());
  EXPECT_EQ(*state, spec::JobState::kFailed);
  EXPECT_EQ(Trial("lab-1", 0).failure->message, "as the test says");
  EXPECT_EQ(observer_.Count("finished FAILED"), 1);
}

TEST_F(JobEndTest, AnotherErrorIsRetriedWhenItsBackOffIsOver) {
  Submit("lab-1", 1);
  const auto state = Fail(LeaseOne("worker-1"), spec::FailureReason::kException);
  ASSERT_THAT(state, IsOk());
  EXPECT_EQ(*state, spec::JobState::kQueued);
  EXPECT_THAT(Lease("worker-2", 1), IsEmpty());
  // Nothing but the end of the back-off (at most 0.5 s) can wake this one.
  auto call = std::async(std::launch::async, [this] { return Wait("worker-2"); });
  clock_.Advance(absl::Milliseconds(500));
  const auto jobs = call.get();
  ASSERT_THAT(jobs, IsOk());
  ASSERT_THAT(*jobs, SizeIs(1));
  EXPECT_EQ((*jobs)[0].ref.attempt, 2);
}

TEST_F(JobEndTest, TheThirdFailureIsTheTrialsEnd) {
  Submit("lab-1", 1);
  for (const spec::JobState expected :
       {spec::JobState::kQueued, spec::JobState::kQueued, spec::JobState::kDead}) {
    const auto jobs = Wait("worker-1");
    ASSERT_THAT(jobs, IsOk());
    ASSERT_THAT(*jobs, SizeIs(1));
    const auto state = Fail(RefOf((*jobs)[0]), spec::FailureReason::kOutOfMemory);
    ASSERT_THAT(state, IsOk());
    EXPECT_EQ(*state, expected);
    clock_.Advance(absl::Seconds(1));  // the longest back-off of a second failure
  }
  EXPECT_EQ(observer_.Count("retry OUT_OF_MEMORY"), 2);
  EXPECT_EQ(observer_.Count("dead OUT_OF_MEMORY"), 1);
  EXPECT_EQ(observer_.Count("poison"), 0);  // it did its worker no harm
}

TEST_F(JobEndTest, AReleasedTrialIsQueuedAgainAtOnce) {
  Submit("lab-1", 1);
  const JobRef job = LeaseOne("worker-1");
  StartJob(job);
  const auto released = scheduler_->ReleaseJobs({job}, "DRAIN");
  ASSERT_THAT(released, IsOk());
  EXPECT_EQ(*released, 1);
  const std::vector<store::LeasedJob> jobs = Lease("worker-2", 1);
  ASSERT_THAT(jobs, SizeIs(1));
  EXPECT_EQ(jobs[0].ref.attempt, 2);
  EXPECT_EQ(Trial("lab-1", 0).attempts[0].outcome, "RELEASED");
  EXPECT_EQ(observer_.Count("ended RELEASED"), 1);
}

TEST_F(JobEndTest, ReleasesDoNotUseUpTries) {
  Submit("lab-1", 1);
  for (int i = 0; i < 5; ++i) {
    ASSERT_THAT(scheduler_->ReleaseJobs({LeaseOne("worker-1")}, "DRAIN"), IsOk());
  }
  const auto state = Fail(LeaseOne("worker-1"), spec::FailureReason::kException);
  ASSERT_THAT(state, IsOk());
  EXPECT_EQ(*state, spec::JobState::kQueued);
}

TEST_F(JobEndTest, ACancelledTrialsWorkerHearsOfItEverywhere) {
  Submit("lab-1", 2);
  const JobRef job = LeaseOne("worker-1");
  StartJob(job);
  const auto cancelled = scheduler_->CancelSweep("lab-1");
  ASSERT_THAT(cancelled, IsOk());
  EXPECT_EQ(cancelled->changed_trials, 2);
  EXPECT_EQ(Renew("worker-1", job), Directive::kCancel);
  const auto reported = scheduler_->ReportProgress({{.ref = job, .started = true}});
  ASSERT_THAT(reported, IsOk());
  EXPECT_EQ((*reported)[0].directive, Directive::kCancel);
  EXPECT_THAT(Complete(job), StatusIs(absl::StatusCode::kAborted, _));
  EXPECT_EQ(Trial("lab-1", 0).state, spec::JobState::kCancelled);
  EXPECT_EQ(observer_.Count("finished CANCELLED"), 2);
  EXPECT_EQ(observer_.Count("ended CANCELLED"), 1);
}

TEST_F(JobEndTest, APausedSweepsTrialsUnderWayGoOn) {
  Submit("lab-1", 2);
  const JobRef job = LeaseOne("worker-1");
  ASSERT_THAT(scheduler_->PauseSweep("lab-1"), IsOk());
  EXPECT_THAT(Lease("worker-2", 1), IsEmpty());
  EXPECT_EQ(Renew("worker-1", job), Directive::kContinue);
  EXPECT_THAT(Complete(job), IsOk());
}

TEST_F(JobEndTest, TheFailurePolicyCancelsTheRest) {
  Submit("lab-1", 3, [](spec::SweepSpec& spec) { spec.failure_policy.stop_after_failures = 1; });
  const JobRef failing = LeaseOne("worker-1");
  const JobRef other = LeaseOne("worker-2");
  ASSERT_THAT(Fail(failing, spec::FailureReason::kNanLoss), IsOk());
  EXPECT_EQ(Renew("worker-2", other), Directive::kCancel);
  EXPECT_EQ(Trial("lab-1", 2).state, spec::JobState::kCancelled);
  EXPECT_EQ(observer_.Count("finished CANCELLED"), 2);
  EXPECT_EQ(observer_.Count("ended CANCELLED"), 1);
  const auto sweep = store_->GetSweep("lab-1");
  ASSERT_THAT(sweep, IsOk());
  EXPECT_EQ(sweep->state, spec::SweepState::kFailed);
}

TEST_F(JobEndTest, OtherDataUnderTheSameNameIsAMismatch) {
  Submit("lab-1", 2);
  StartJob(LeaseOne("worker-1"));  // with digest d1
  const auto reported = scheduler_->ReportProgress(
      {{.ref = LeaseOne("worker-2"), .started = true, .data_digest = "d2"}});
  ASSERT_THAT(reported, IsOk());
  EXPECT_THAT((*reported)[0].data_mismatch, ::testing::HasSubstr("d2"));
  EXPECT_EQ(Trial("lab-1", 1).state, spec::JobState::kLeased);
}

TEST_F(JobEndTest, AJobOfADeletedSweepIsLost) {
  Submit("lab-1", 1);
  const JobRef job = LeaseOne("worker-1");
  ASSERT_THAT(scheduler_->CancelSweep("lab-1"), IsOk());
  ASSERT_THAT(scheduler_->DeleteSweep("lab-1"), IsOk());
  EXPECT_THAT(Complete(job), StatusIs(absl::StatusCode::kAborted, _));
  const auto reported = scheduler_->ReportProgress({{.ref = job}});
  ASSERT_THAT(reported, IsOk());
  EXPECT_EQ((*reported)[0].directive, Directive::kLost);
}

TEST_F(JobEndTest, EstimatesWhatIsLeftFromWhatIsDone) {
  Submit("lab-1", 3);
  const JobRef job = LeaseOne("worker-1");
  const auto before = store_->GetSweep("lab-1");
  ASSERT_THAT(before, IsOk());
  EXPECT_EQ(scheduler_->Eta(*before), std::nullopt);
  ASSERT_THAT(
      scheduler_->CompleteJob(
          job, {{.epoch = 0}},
          {.epochs = 1, .steps = 4, .seconds = 6, .engine = "libtorch", .data_digest = "d1"}),
      IsOk());
  const auto after = store_->GetSweep("lab-1");
  ASSERT_THAT(after, IsOk());
  // Two equal trials are left, one after the other, at 6 s each.
  const std::optional<absl::Duration> eta = scheduler_->Eta(*after);
  ASSERT_NE(eta, std::nullopt);
  EXPECT_NEAR(absl::ToDoubleSeconds(*eta), 12, 1e-6);
  // Leased counts like running: both at the same time.
  ASSERT_THAT(Lease("worker-1", 2), SizeIs(2));
  const auto leased = store_->GetSweep("lab-1");
  ASSERT_THAT(leased, IsOk());
  EXPECT_NEAR(absl::ToDoubleSeconds(scheduler_->Eta(*leased).value_or(absl::ZeroDuration())), 6,
              1e-6);
}

TEST_F(JobEndTest, ASweepThatHasEndedIsForgotten) {
  WatchHub& hub = scheduler_->hub();
  Submit("succeeds", 1);
  ASSERT_THAT(Complete(LeaseOne("worker-1")), IsOk());
  EXPECT_EQ(hub.Version("sweeps/succeeds"), hub.Version("sweeps/never-seen"));
  Submit("fails", 1);
  ASSERT_THAT(Fail(LeaseOne("worker-1"), spec::FailureReason::kNanLoss), IsOk());
  EXPECT_EQ(hub.Version("sweeps/fails"), hub.Version("sweeps/never-seen"));
  Submit("cancelled", 1);
  ASSERT_THAT(scheduler_->CancelSweep("cancelled"), IsOk());
  EXPECT_EQ(hub.Version("sweeps/cancelled"), hub.Version("sweeps/never-seen"));
}

TEST_F(JobEndTest, ASweepThatHasNotEndedIsNotForgotten) {
  Submit("lab-1", 2);
  ASSERT_THAT(Complete(LeaseOne("worker-1")), IsOk());
  EXPECT_NE(scheduler_->hub().Version("sweeps/lab-1"),
            scheduler_->hub().Version("sweeps/never-seen"));
}

}  // namespace
}  // namespace bitsweep::scheduler
