// SPDX-License-Identifier: Apache-2.0
// Leases that are not renewed, workers that die, and what they write afterwards.
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

std::string ReasonIn(const absl::Status& status) {
  return GetErrorDetails(status).value_or(ErrorDetails{}).reason;
}

class LeaseExpiryTest : public SchedulerTest {
 protected:
  // The only trial of lab-1, leased to worker-1 and running.
  JobRef RunOne() {
    Submit("lab-1", 1);
    Register("worker-1");
    Register("worker-2");
    const JobRef job = LeaseOne("worker-1");
    StartJob(job);
    return job;
  }
  void LetItExpire(std::int64_t which) {
    clock_.Advance(absl::Seconds(15));
    observer_.WaitFor("ended LEASE_EXPIRED", which);
  }
};

TEST_F(LeaseExpiryTest, NothingEndsBeforeItsDeadline) {
  RunOne();
  clock_.Advance(absl::Seconds(15) - absl::Microseconds(1));
  EXPECT_THAT(Lease("worker-2", 1), IsEmpty());  // the dispatcher has looked
  EXPECT_EQ(Trial("lab-1", 0).state, spec::JobState::kRunning);
  EXPECT_EQ(scheduler_->LeaseCount(), 1);
}

TEST_F(LeaseExpiryTest, ARunningTrialIsQueuedAgainAtTheDeadline) {
  RunOne();
  LetItExpire(1);
  const store::TrialRecord trial = Trial("lab-1", 0);
  EXPECT_EQ(trial.state, spec::JobState::kQueued);
  ASSERT_THAT(trial.attempts, SizeIs(1));
  EXPECT_EQ(trial.attempts[0].outcome, "LEASE_EXPIRED");
  EXPECT_EQ(trial.attempts[0].failure->reason, spec::FailureReason::kWorkerLost);
}

TEST_F(LeaseExpiryTest, ARunningTrialGoesToAnotherWorkerAfterItsBackOff) {
  RunOne();
  LetItExpire(1);
  observer_.WaitFor("retry WORKER_LOST", 1);
  EXPECT_THAT(Lease("worker-2", 1), IsEmpty());
  clock_.Advance(absl::Milliseconds(500));  // the longest back-off of a first failure
  const auto jobs = Wait("worker-2");
  ASSERT_THAT(jobs, IsOk());
  ASSERT_THAT(*jobs, SizeIs(1));
  EXPECT_EQ((*jobs)[0].ref.attempt, 2);
}

TEST_F(LeaseExpiryTest, ATrialThatHadNotStartedGoesBackUnharmed) {
  Submit("lab-1", 1);
  Register("worker-1");
  Register("worker-2");
  LeaseOne("worker-1");
  auto call = std::async(std::launch::async, [this] { return Wait("worker-2"); });
  LetItExpire(1);
  const auto jobs = call.get();  // at once: no back-off
  ASSERT_THAT(jobs, IsOk());
  ASSERT_THAT(*jobs, SizeIs(1));
  EXPECT_EQ((*jobs)[0].ref.attempt, 2);
  EXPECT_EQ(Trial("lab-1", 0).attempts[0].failure, std::nullopt);
}

TEST_F(LeaseExpiryTest, RenewalsKeepALease) {
  const JobRef job = RunOne();
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(absl::Seconds(10));
    ASSERT_EQ(Renew("worker-1", job), Directive::kContinue);
  }
  EXPECT_THAT(Lease("worker-2", 1), IsEmpty());
  EXPECT_EQ(Trial("lab-1", 0).attempt, 1);
  EXPECT_THAT(Complete(job), IsOk());
}

TEST_F(LeaseExpiryTest, ARenewalByAnotherWorkerKeepsNothing) {
  const JobRef job = RunOne();
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(Renew("worker-2", job), Directive::kLost);
  clock_.Advance(absl::Seconds(5));
  observer_.WaitFor("ended LEASE_EXPIRED", 1);
  EXPECT_EQ(Trial("lab-1", 0).state, spec::JobState::kQueued);
}

TEST_F(LeaseExpiryTest, TheSecondWorkerDeathIsTheTrialsEnd) {
  RunOne();
  LetItExpire(1);
  clock_.Advance(absl::Milliseconds(500));
  const auto again = Wait("worker-2");
  ASSERT_THAT(again, IsOk());
  ASSERT_THAT(*again, SizeIs(1));
  StartJob(RefOf((*again)[0]));
  LetItExpire(2);
  observer_.WaitFor("finished DEAD", 1);
  const store::TrialRecord trial = Trial("lab-1", 0);
  EXPECT_EQ(trial.state, spec::JobState::kDead);
  EXPECT_EQ(trial.failure->reason, spec::FailureReason::kWorkerLost);
  EXPECT_EQ(observer_.Count("dead WORKER_LOST"), 1);
  EXPECT_EQ(observer_.Count("poison"), 1);
  EXPECT_EQ(observer_.Count("retry WORKER_LOST"), 1);
}

TEST_F(LeaseExpiryTest, ALeaseIsSuspectInTheSecondHalfOfItsTime) {
  const JobRef job = RunOne();
  clock_.Advance(absl::Milliseconds(7500));
  EXPECT_EQ(scheduler_->Leases().active, 1);
  EXPECT_EQ(scheduler_->Leases().suspect, 0);
  clock_.Advance(absl::Microseconds(1));
  EXPECT_EQ(scheduler_->Leases().active, 0);
  EXPECT_EQ(scheduler_->Leases().suspect, 1);
  Renew("worker-1", job);
  EXPECT_EQ(scheduler_->Leases().active, 1);
  EXPECT_EQ(scheduler_->Leases().suspect, 0);
}

TEST_F(LeaseExpiryTest, AWorkerThatWasAliveIsAFalseExpiryOnce) {
  const JobRef job = RunOne();
  LetItExpire(1);
  EXPECT_EQ(observer_.Count("false expiry"), 0);  // it may have died
  EXPECT_EQ(Renew("worker-1", job), Directive::kLost);
  EXPECT_EQ(observer_.Count("false expiry"), 1);
  EXPECT_THAT(Complete(job), StatusIs(absl::StatusCode::kAborted, _));
  EXPECT_EQ(observer_.Count("fenced"), 2);
  EXPECT_EQ(observer_.Count("false expiry"), 1);
}

TEST_F(LeaseExpiryTest, AResultThatComesTooLateIsAFalseExpiry) {
  const JobRef job = RunOne();
  LetItExpire(1);
  EXPECT_THAT(Complete(job), StatusIs(absl::StatusCode::kAborted, _));
  EXPECT_EQ(observer_.Count("false expiry"), 1);
}

TEST_F(LeaseExpiryTest, AReplacedProcessIsNoFalseExpiry) {
  const JobRef job = RunOne();
  Register("worker-1", "second");
  observer_.WaitFor("ended LEASE_EXPIRED", 1);
  EXPECT_THAT(Complete(job), StatusIs(absl::StatusCode::kAborted, _));
  EXPECT_EQ(observer_.Count("fenced"), 1);
  EXPECT_EQ(observer_.Count("false expiry"), 0);
}

TEST_F(LeaseExpiryTest, ALateWorkerIsFenced) {
  const JobRef late = RunOne();
  LetItExpire(1);
  clock_.Advance(absl::Milliseconds(500));
  const auto again = Wait("worker-2");
  ASSERT_THAT(again, IsOk());
  ASSERT_THAT(*again, SizeIs(1));

  EXPECT_EQ(Renew("worker-1", late), Directive::kLost);
  const auto reported = scheduler_->ReportProgress({{.ref = late, .started = true}});
  ASSERT_THAT(reported, IsOk());
  EXPECT_EQ((*reported)[0].directive, Directive::kLost);
  const absl::Status completed = Complete(late);
  EXPECT_THAT(completed, StatusIs(absl::StatusCode::kAborted, _));
  EXPECT_EQ(ReasonIn(completed), "LEASE_LOST");
  EXPECT_EQ(ReasonIn(Fail(late, spec::FailureReason::kException).status()), "LEASE_LOST");
  const auto released = scheduler_->ReleaseJobs({late}, "DRAIN");
  ASSERT_THAT(released, IsOk());
  EXPECT_EQ(*released, 0);

  EXPECT_EQ(observer_.Count("fenced"), 4);
  const store::TrialRecord trial = Trial("lab-1", 0);
  EXPECT_EQ(trial.state, spec::JobState::kLeased);
  EXPECT_EQ(trial.attempt, 2);
  EXPECT_EQ(trial.worker_id, "worker-2");
  EXPECT_THAT(Complete(RefOf((*again)[0])), IsOk());
}

TEST_F(LeaseExpiryTest, ANewProcessUnderTheSameNameEndsTheOldOnesLeases) {
  const JobRef job = RunOne();
  Register("worker-1", "second");  // the clock has not moved
  const store::TrialRecord trial = Trial("lab-1", 0);
  EXPECT_EQ(trial.state, spec::JobState::kQueued);
  EXPECT_EQ(trial.attempts[0].outcome, "LEASE_EXPIRED");
  const auto answer = scheduler_->RenewLeases("worker-1", "first", {job}, 1);
  EXPECT_THAT(answer, StatusIs(absl::StatusCode::kFailedPrecondition, _));
  EXPECT_EQ(ReasonIn(answer.status()), "WORKER_SUPERSEDED");
}

TEST_F(LeaseExpiryTest, ANewProcessUnderTheSameNameEndsTheOldOnesWait) {
  Register("worker-1", "first");
  auto call = std::async(std::launch::async, [this] { return Wait("worker-1", "first"); });
  Register("worker-1", "second");
  Submit("lab-1", 1);
  const auto jobs = call.get();  // either it had been waiting, or it came too late
  EXPECT_TRUE(!jobs.ok() || jobs->empty());
  const auto others = Wait("worker-1", "second");
  ASSERT_THAT(others, IsOk());
  EXPECT_THAT(*others, SizeIs(1));
}

TEST_F(LeaseExpiryTest, RegisteringTheSameProcessAgainKeepsItsLeases) {
  const JobRef job = RunOne();
  Register("worker-1", "first");
  EXPECT_EQ(Renew("worker-1", job), Directive::kContinue);
}

TEST_F(LeaseExpiryTest, AWorkerThatWasNotHeardOfIsLost) {
  Register("worker-1");
  EXPECT_FALSE(scheduler_->Workers().at(0).lost);
  clock_.Advance(absl::Seconds(15));
  EXPECT_FALSE(scheduler_->Workers().at(0).lost);
  clock_.Advance(absl::Microseconds(1));
  EXPECT_TRUE(scheduler_->Workers().at(0).lost);
  ASSERT_THAT(scheduler_->RenewLeases("worker-1", "first", {}, 2), IsOk());
  EXPECT_FALSE(scheduler_->Workers().at(0).lost);
  EXPECT_EQ(scheduler_->Workers().at(0).busy_slots, 2);
}

}  // namespace
}  // namespace bitsweep::scheduler
