// SPDX-License-Identifier: Apache-2.0
// Which writes are a worker's own, and that each end is counted once.
#include <limits>

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

class FencingTest : public SchedulerTest {
 protected:
  void SetUp() override {
    SchedulerTest::SetUp();
    Register("worker-1");
    Register("worker-2");
  }
  // That every call about `ref` by `worker_id` is refused and nothing of it is written.
  void ExpectLost(const std::string& worker_id, const JobRef& ref) {
    EXPECT_EQ(Renew(worker_id, ref), Directive::kLost);
    EXPECT_EQ(ReportOne({.ref = ref, .started = true, .data_digest = "d1"}).directive,
              Directive::kLost);
    EXPECT_THAT(Complete(ref), StatusIs(absl::StatusCode::kAborted, _));
    EXPECT_THAT(Fail(ref, spec::FailureReason::kException),
                StatusIs(absl::StatusCode::kAborted, _));
    const auto released = scheduler_->ReleaseJobs({ref}, "DRAIN");
    ASSERT_THAT(released, IsOk());
    EXPECT_EQ(*released, 0);
    EXPECT_EQ(observer_.Count("fenced"), 4);
    EXPECT_EQ(Trial("lab-1", 0).state, spec::JobState::kLeased);
  }
  ReportAnswer ReportOne(const JobReport& report) {
    const auto answers = scheduler_->ReportProgress({report});
    EXPECT_THAT(answers, IsOk());
    return answers.ok() ? answers->at(0) : ReportAnswer{};
  }
};

TEST_F(FencingTest, AJobOfADeletedSweepIsNotTheOneOfTheSameNameNow) {
  Submit("lab-1", 1);
  const JobRef old = LeaseOne("worker-1");
  ASSERT_THAT(scheduler_->CancelSweep("lab-1"), IsOk());
  ASSERT_THAT(scheduler_->DeleteSweep("lab-1"), IsOk());
  clock_.Advance(absl::Seconds(15));  // so that the cancellation is forgotten
  Submit("lab-1", 1);
  const JobRef now = LeaseOne("worker-1");
  ASSERT_EQ(now.job_name, old.job_name);
  ASSERT_EQ(now.attempt, old.attempt);
  ExpectLost("worker-1", old);
  EXPECT_THAT(Complete(now), IsOk());
}

TEST_F(FencingTest, AJobWithoutItsIdIsLost) {
  Submit("lab-1", 1);
  JobRef job = LeaseOne("worker-1");
  job.id = JobId{0};
  ExpectLost("worker-1", job);
}

TEST_F(FencingTest, AnotherWorkersLeaseIsLost) {
  Submit("lab-1", 1);
  JobRef job = LeaseOne("worker-1");
  job.worker_id = "worker-2";
  ExpectLost("worker-2", job);
}

TEST_F(FencingTest, ABadReportIsRefusedAlone) {
  Submit("lab-1", 2);
  const JobRef good = LeaseOne("worker-1");
  const JobRef bad = LeaseOne("worker-1");
  const spec::EpochPoint nan{.val_loss = std::numeric_limits<double>::quiet_NaN()};
  const auto answers = scheduler_->ReportProgress(
      {{.ref = {"no name", 1, JobId{1}, "worker-1"}, .started = true},
       {.ref = bad, .started = true, .data_digest = "d1", .points = {nan}},
       {.ref = good, .started = true, .data_digest = "d1"}});
  ASSERT_THAT(answers, IsOk());
  ASSERT_THAT(*answers, SizeIs(3));
  EXPECT_EQ((*answers)[0].directive, Directive::kLost);
  EXPECT_EQ((*answers)[1].directive, Directive::kLost);
  EXPECT_EQ((*answers)[2].directive, Directive::kContinue);
  EXPECT_EQ(Trial("lab-1", 0).state, spec::JobState::kRunning);
}

TEST_F(FencingTest, ALeaseThatEndedOtherwiseIsNotCountedAsExpired) {
  Submit("lab-1", 2);
  const std::vector<store::LeasedJob> jobs = Lease("worker-1", 2);
  ASSERT_THAT(jobs, SizeIs(2));
  StartJob(RefOf(jobs[0]));
  StartJob(RefOf(jobs[1]));
  // Ends one behind the scheduler's back, as a call does that commits while the other expires.
  ASSERT_THAT(store_->Fail(jobs[0].ref, {spec::FailureReason::kNanLoss, ""}, {}, clock_.Now()),
              IsOk());
  clock_.Advance(absl::Seconds(15));
  observer_.WaitFor("ended LEASE_EXPIRED", 1);
  EXPECT_THAT(Lease("worker-2", 1), IsEmpty());  // the dispatcher has done with both
  EXPECT_EQ(observer_.Count("ended LEASE_EXPIRED"), 1);
  EXPECT_EQ(observer_.Count("finished FAILED"), 0);
}

TEST_F(FencingTest, AResultIsCountedThoughItsLeaseHasLeftTheTable) {
  Submit("lab-1", 1);
  const auto sweep = store_->GetSweep("lab-1");
  ASSERT_THAT(sweep, IsOk());
  const auto jobs = store_->Lease({{sweep->row, "worker-1", 1}}, clock_.Now());
  ASSERT_THAT(jobs, IsOk());
  ASSERT_THAT(*jobs, SizeIs(1));
  ASSERT_EQ(scheduler_->LeaseCount(), 0);
  EXPECT_THAT(Complete(RefOf(jobs->at(0))), IsOk());
  EXPECT_EQ(observer_.Count("finished SUCCEEDED"), 1);
}

}  // namespace
}  // namespace bitsweep::scheduler
