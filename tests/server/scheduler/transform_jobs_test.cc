// SPDX-License-Identifier: Apache-2.0
// Jobs of transforms go through the same queue, leases and fences as trials.
#include "gmock/gmock.h"
#include "server/scheduler/job_name.h"
#include "tests/server/scheduler/scheduler_fixture.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::scheduler {
namespace {

using testing::IsOk;
using ::testing::Not;
using testing::StatusIs;

class TransformJobsTest : public SchedulerTest {
 protected:
  void SetUp() override {
    SchedulerTest::SetUp();
    Register("worker-1");
  }
  store::TransformRecord Transform(const std::string& transform_id) {
    auto transform = store_->GetTransform(transform_id);
    EXPECT_THAT(transform, IsOk());
    return transform.ok() ? *std::move(transform) : store::TransformRecord{};
  }
};

TEST_F(TransformJobsTest, AreLeasedInOrderWithWhatTheyAreMadeFrom) {
  ASSERT_THAT(scheduler_->SubmitTransform({.transform_id = "ptq-1",
                                           .spec = R"({"seed":"3"})",
                                           .spec_digest = std::string(64, 'd'),
                                           .assignments = {"[1]", "[2]"}}),
              IsOk());
  const std::vector<store::LeasedJob> jobs = Lease("worker-1", 5);
  ASSERT_EQ(jobs.size(), 2u);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_EQ(jobs[i].submission_name, "transforms/ptq-1");
    EXPECT_EQ(jobs[i].number, static_cast<std::int64_t>(i));
    const auto& job = std::get<store::TransformJobSpec>(jobs[i].work);
    EXPECT_EQ(job.spec, R"({"seed":"3"})");
    EXPECT_EQ(job.assignment, i == 0 ? "[1]" : "[2]");
  }
  EXPECT_EQ(observer_.Count("transform submitted"), 2);
  EXPECT_EQ(observer_.Count("submitted"), 0);
}

TEST_F(TransformJobsTest, ShareTheQueueWithTrialsByPriority) {
  Submit("lab-1", 1);
  SubmitTransform("ptq-1", 1, 5);
  const std::vector<store::LeasedJob> first = Lease("worker-1", 1);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].submission_name, "transforms/ptq-1");
  const std::vector<store::LeasedJob> second = Lease("worker-1", 1);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].submission_name, "sweeps/lab-1");
}

TEST_F(TransformJobsTest, AStartWithoutDataMakesAJobRunning) {
  SubmitTransform("ptq-1", 1);
  const JobRef ref = LeaseOne("worker-1");
  const auto answers = scheduler_->ReportProgress({{.ref = ref, .started = true}});
  ASSERT_THAT(answers, IsOk());
  EXPECT_EQ((*answers)[0].directive, Directive::kContinue);
  EXPECT_EQ(Transform("ptq-1").counts.running, 1);
  EXPECT_EQ(Transform("ptq-1").data_digest, "");
}

TEST_F(TransformJobsTest, ACompletionEndsLeaseAndTransform) {
  SubmitTransform("ptq-1", 1);
  const JobRef ref = LeaseOne("worker-1");
  ASSERT_THAT(CompleteTransform(ref), IsOk());
  EXPECT_EQ(Transform("ptq-1").state, spec::SweepState::kSucceeded);
  EXPECT_EQ(scheduler_->LeaseCount(), 0);
  EXPECT_EQ(observer_.Count("transform leased"), 1);
  EXPECT_EQ(observer_.Count("committed"), 1);
  EXPECT_EQ(observer_.Count("transform ended SUCCEEDED"), 1);
  EXPECT_EQ(observer_.Count("transform finished SUCCEEDED"), 1);
  EXPECT_EQ(observer_.Count("finished SUCCEEDED"), 0);
  EXPECT_EQ(observer_.Count("pass count_ops"), 1);
  const WatchHub& hub = scheduler_->hub();
  EXPECT_EQ(hub.Version("transforms/ptq-1"), hub.Version("transforms/never-seen"));
}

TEST_F(TransformJobsTest, ARepeatedCompletionCountsOnce) {
  SubmitTransform("ptq-1", 1);
  const JobRef ref = LeaseOne("worker-1");
  ASSERT_THAT(CompleteTransform(ref), IsOk());
  ASSERT_THAT(CompleteTransform(ref), IsOk());
  EXPECT_EQ(observer_.Count("transform ended SUCCEEDED"), 1);
  EXPECT_EQ(observer_.Count("pass count_ops"), 1);
}

TEST_F(TransformJobsTest, ALostLeaseIsFenced) {
  SubmitTransform("ptq-1", 1);
  const JobRef ref = LeaseOne("worker-1");
  clock_.Advance(absl::Seconds(15));
  observer_.WaitFor("transform ended LEASE_EXPIRED", 1);
  EXPECT_THAT(CompleteTransform(ref), StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(observer_.Count("fenced"), 1);
  EXPECT_EQ(observer_.Count("false expiry"), 1);
  EXPECT_EQ(Transform("ptq-1").counts.succeeded, 0);
}

TEST_F(TransformJobsTest, ResultsOfTheOtherKindAreRefused) {
  SubmitTransform("ptq-1", 1);
  const JobRef transform_job = LeaseOne("worker-1");
  EXPECT_THAT(Complete(transform_job), StatusIs(absl::StatusCode::kInvalidArgument));
  Submit("lab-1", 1);
  const JobRef trial = LeaseOne("worker-1");
  EXPECT_THAT(CompleteTransform(trial), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(CompleteTransform(transform_job), IsOk());
  EXPECT_THAT(Complete(trial), IsOk());
}

TEST_F(TransformJobsTest, AFailureIsTriedAgain) {
  SubmitTransform("ptq-1", 1);
  const auto state = Fail(LeaseOne("worker-1"), spec::FailureReason::kException);
  ASSERT_THAT(state, IsOk());
  EXPECT_EQ(*state, spec::JobState::kQueued);
  EXPECT_EQ(observer_.Count("retry EXCEPTION"), 1);
  clock_.Advance(absl::Minutes(10));
  EXPECT_EQ(LeaseOne("worker-1").attempt, 2);
}

TEST_F(TransformJobsTest, CancelTellsTheWorkerToStop) {
  SubmitTransform("ptq-1", 3);
  const JobRef ref = LeaseOne("worker-1");
  const auto outcome = scheduler_->CancelTransform("ptq-1");
  ASSERT_THAT(outcome, IsOk());
  EXPECT_EQ(outcome->changed_jobs, 3);
  EXPECT_EQ(outcome->transform.state, spec::SweepState::kCancelled);
  EXPECT_EQ(Renew("worker-1", ref), Directive::kCancel);
  EXPECT_EQ(observer_.Count("transform finished CANCELLED"), 3);
  EXPECT_EQ(observer_.Count("transform ended CANCELLED"), 1);
}

TEST_F(TransformJobsTest, ADeletedTransformsJobIsLostForGood) {
  SubmitTransform("ptq-1", 1);
  const JobRef ref = LeaseOne("worker-1");
  ASSERT_THAT(scheduler_->CancelTransform("ptq-1"), IsOk());
  ASSERT_THAT(scheduler_->DeleteTransform("ptq-1"), IsOk());
  SubmitTransform("ptq-1", 1);
  EXPECT_THAT(CompleteTransform(ref), StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(Transform("ptq-1").counts.queued, 1);
}

TEST_F(TransformJobsTest, ARunningTransformIsNotDeleted) {
  SubmitTransform("ptq-1", 1);
  EXPECT_THAT(scheduler_->DeleteTransform("ptq-1"),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(store_->GetTransform("ptq-1"), IsOk());
}

TEST_F(TransformJobsTest, LeasesSurviveARestart) {
  SubmitTransform("ptq-1", 1);
  const JobRef ref = LeaseOne("worker-1");
  Restart();
  Register("worker-1");
  EXPECT_EQ(Renew("worker-1", ref), Directive::kContinue);
  EXPECT_THAT(CompleteTransform(ref), IsOk());
}

TEST_F(TransformJobsTest, TheEstimateIsTheMeanTimeOfFinishedJobs) {
  SubmitTransform("ptq-1", 5);
  EXPECT_EQ(scheduler_->Eta(Transform("ptq-1")), std::nullopt);  // nothing is known
  ASSERT_THAT(CompleteTransform(LeaseOne("worker-1"), 2), IsOk());
  ASSERT_THAT(CompleteTransform(LeaseOne("worker-1"), 4), IsOk());
  // Three jobs are open, at 3 s each: one after another, or two at a time.
  EXPECT_EQ(scheduler_->Eta(Transform("ptq-1")), absl::Seconds(9));
  EXPECT_EQ(Lease("worker-1", 2).size(), 2u);
  EXPECT_EQ(scheduler_->Eta(Transform("ptq-1")), absl::Seconds(4.5));
}

}  // namespace
}  // namespace bitsweep::scheduler
