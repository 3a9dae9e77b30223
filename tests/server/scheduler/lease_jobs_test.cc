// SPDX-License-Identifier: Apache-2.0
// LeaseJobs: who gets what, and who waits for how long.
#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "core/base/errors.h"
#include "gmock/gmock.h"
#include "tests/server/scheduler/scheduler_fixture.h"
#include "tests/support/status_matchers.h"

namespace bitsweep::scheduler {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;
using testing::StatusIs;

std::string ReasonOf(const absl::Status& status) {
  return GetErrorDetails(status).value_or(ErrorDetails{}).reason;
}

class LeaseJobsTest : public SchedulerTest {};

TEST_F(LeaseJobsTest, GivesQueuedTrialsInThePlansOrder) {
  Submit("lab-1", 3);
  Register("worker-1");
  const std::vector<store::LeasedJob> jobs = Lease("worker-1", 2);
  ASSERT_THAT(jobs, SizeIs(2));
  EXPECT_EQ(jobs[0].number, 0);
  EXPECT_EQ(jobs[1].number, 1);
  EXPECT_EQ(jobs[0].ref.attempt, 1);
  EXPECT_EQ(Trial("lab-1", 0).state, spec::JobState::kLeased);
  EXPECT_EQ(Trial("lab-1", 2).state, spec::JobState::kQueued);
}

TEST_F(LeaseJobsTest, GivesEachTrialOnce) {
  Submit("lab-1", 40);
  std::vector<std::future<std::vector<store::LeasedJob>>> calls;
  for (const char* worker : {"worker-1", "worker-2", "worker-3", "worker-4"}) {
    Register(worker);
    calls.push_back(std::async(std::launch::async, [this, worker] { return Lease(worker, 10); }));
  }
  std::set<std::int64_t> numbers;
  for (auto& call : calls) {
    for (const store::LeasedJob& job : call.get()) {
      EXPECT_TRUE(numbers.insert(job.number).second) << job.number;
    }
  }
  EXPECT_THAT(numbers, SizeIs(40));
}

TEST_F(LeaseJobsTest, SaysHowLongATrialHasWaited) {
  Submit("lab-1", 1);
  Register("worker-1");
  clock_.Advance(absl::Seconds(7));
  LeaseOne("worker-1");
  EXPECT_THAT(observer_.queue_waits(), ElementsAre(absl::Seconds(7)));
}

TEST_F(LeaseJobsTest, ReturnsNothingWithoutAWaitWhenTheQueueIsEmpty) {
  Register("worker-1");
  EXPECT_THAT(Lease("worker-1", 4), IsEmpty());
}

TEST_F(LeaseJobsTest, WakesWhenASweepIsSubmitted) {
  Register("worker-1");
  auto call = std::async(std::launch::async, [this] { return Wait("worker-1"); });
  Submit("lab-1", 1);  // the clock stands still: nothing else can end the wait
  const auto jobs = call.get();
  ASSERT_THAT(jobs, IsOk());
  EXPECT_THAT(*jobs, SizeIs(1));
}

TEST_F(LeaseJobsTest, WakesWhenACompletionMakesRoomUnderALimit) {
  Submit("lab-1", 2, [](spec::SweepSpec& spec) { spec.max_parallel_trials = 1; });
  Register("worker-1");
  const JobRef first = LeaseOne("worker-1");
  EXPECT_THAT(Lease("worker-1", 1), IsEmpty());
  auto call = std::async(std::launch::async, [this] { return Wait("worker-1"); });
  ASSERT_THAT(Complete(first), IsOk());
  const auto jobs = call.get();
  ASSERT_THAT(jobs, IsOk());
  ASSERT_THAT(*jobs, SizeIs(1));
  EXPECT_EQ((*jobs)[0].number, 1);
}

TEST_F(LeaseJobsTest, WakesWhenASweepIsResumed) {
  Submit("lab-1", 1);
  ASSERT_THAT(scheduler_->PauseSweep("lab-1"), IsOk());
  Register("worker-1");
  EXPECT_THAT(Lease("worker-1", 1), IsEmpty());
  auto call = std::async(std::launch::async, [this] { return Wait("worker-1"); });
  ASSERT_THAT(scheduler_->ResumeSweep("lab-1"), IsOk());
  const auto jobs = call.get();
  ASSERT_THAT(jobs, IsOk());
  EXPECT_THAT(*jobs, SizeIs(1));
}

TEST_F(LeaseJobsTest, WakesWhenTrialsAreRetried) {
  Submit("lab-1", 1);
  Register("worker-1");
  EXPECT_THAT(Fail(LeaseOne("worker-1"), spec::FailureReason::kNanLoss), IsOk());
  auto call = std::async(std::launch::async, [this] { return Wait("worker-1"); });
  ASSERT_THAT(scheduler_->RetrySweep("lab-1", {spec::JobState::kFailed}), IsOk());
  const auto jobs = call.get();
  ASSERT_THAT(jobs, IsOk());
  ASSERT_THAT(*jobs, SizeIs(1));
  EXPECT_EQ((*jobs)[0].ref.attempt, 2);
}

TEST_F(LeaseJobsTest, WaitsAsLongAsAskedAndNoLonger) {
  Register("worker-1");
  std::atomic<bool> done = false;
  absl::Duration waited;
  std::thread call([&] {
    const absl::Time start = clock_.Now();
    const auto jobs =
        scheduler_->LeaseJobs("worker-1", "first", 1, absl::Seconds(10), [] { return false; });
    waited = clock_.Now() - start;
    EXPECT_THAT(jobs, IsOk());
    EXPECT_THAT(jobs.value(), IsEmpty());
    done = true;
  });
  while (!done) {
    clock_.Advance(absl::Seconds(1));
    std::this_thread::yield();
  }
  call.join();
  EXPECT_GE(waited, absl::Seconds(10));
}

TEST_F(LeaseJobsTest, ASweepInBackOffDoesNotHoldUpAnother) {
  Submit("lab-1", 1, [](spec::SweepSpec& spec) { spec.priority = 5; });
  Submit("lab-2", 1);
  Register("worker-1");
  const JobRef first = LeaseOne("worker-1");
  ASSERT_EQ(first.job_name, "sweeps/lab-1/trials/0");
  ASSERT_THAT(Fail(first, spec::FailureReason::kException), IsOk());  // now in back-off
  const std::vector<store::LeasedJob> jobs = Lease("worker-1", 1);
  ASSERT_THAT(jobs, SizeIs(1));
  EXPECT_EQ(jobs[0].submission_name, "sweeps/lab-2");
}

TEST_F(LeaseJobsTest, TakesNothingForACallerThatHasGone) {
  Submit("lab-1", 1);
  Register("worker-1");
  Register("worker-2");
  const auto jobs =
      scheduler_->LeaseJobs("worker-1", "first", 1, absl::Seconds(30), [] { return true; });
  EXPECT_THAT(jobs, StatusIs(absl::StatusCode::kCancelled, _));
  EXPECT_EQ(scheduler_->LeaseCount(), 0);
  const std::vector<store::LeasedJob> others = Lease("worker-2", 1);
  ASSERT_THAT(others, SizeIs(1));
  EXPECT_EQ(others[0].number, 0);
}

TEST_F(LeaseJobsTest, RefusesAWorkerThatHasNotRegistered) {
  const auto jobs = Wait("worker-9");
  EXPECT_THAT(jobs, StatusIs(absl::StatusCode::kNotFound, _));
  EXPECT_EQ(ReasonOf(jobs.status()), "WORKER_NOT_FOUND");
}

TEST_F(LeaseJobsTest, GivesADrainingWorkerNothing) {
  Submit("lab-1", 1);
  Register("worker-1");
  ASSERT_THAT(scheduler_->DrainWorker("worker-1"), IsOk());
  EXPECT_THAT(Lease("worker-1", 1), IsEmpty());
  const auto answer = scheduler_->RenewLeases("worker-1", "first", {}, 0);
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(answer->worker, Directive::kDrain);
}

TEST_F(LeaseJobsTest, DrainingAWorkerEndsItsWait) {
  Register("worker-1");
  auto call = std::async(std::launch::async, [this] { return Wait("worker-1"); });
  ASSERT_THAT(scheduler_->DrainWorker("worker-1"), IsOk());
  const auto jobs = call.get();
  ASSERT_THAT(jobs, IsOk());
  EXPECT_THAT(*jobs, IsEmpty());
}

TEST_F(LeaseJobsTest, RegisteringAgainEndsADrain) {
  Submit("lab-1", 1);
  Register("worker-1");
  ASSERT_THAT(scheduler_->DrainWorker("worker-1"), IsOk());
  ASSERT_THAT(
      scheduler_->RegisterWorker({.worker_id = "worker-1", .instance_id = "second", .slots = 1}),
      IsOk());
  const auto jobs = Wait("worker-1", "second");
  ASSERT_THAT(jobs, IsOk());
  EXPECT_THAT(*jobs, SizeIs(1));
}

TEST_F(LeaseJobsTest, DrainingAnUnknownWorkerIsAnError) {
  const auto drained = scheduler_->DrainWorker("worker-9");
  EXPECT_THAT(drained, StatusIs(absl::StatusCode::kNotFound, _));
  EXPECT_EQ(ReasonOf(drained.status()), "WORKER_NOT_FOUND");
}

TEST_F(LeaseJobsTest, GivesNothingWhileTheQueueIsPaused) {
  Submit("lab-1", 1);
  Register("worker-1");
  ASSERT_THAT(scheduler_->SetQueuePaused(true), IsOk());
  EXPECT_THAT(Lease("worker-1", 1), IsEmpty());
  auto call = std::async(std::launch::async, [this] { return Wait("worker-1"); });
  ASSERT_THAT(scheduler_->SetQueuePaused(false), IsOk());
  const auto jobs = call.get();
  ASSERT_THAT(jobs, IsOk());
  EXPECT_THAT(*jobs, SizeIs(1));
}

TEST_F(LeaseJobsTest, DrainingTheServerEndsEveryWait) {
  Register("worker-1");
  auto call = std::async(std::launch::async, [this] { return Wait("worker-1"); });
  scheduler_->BeginDrain();
  const auto jobs = call.get();
  EXPECT_THAT(jobs, StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_EQ(ReasonOf(jobs.status()), "SERVER_DRAINING");
  EXPECT_NE(GetErrorDetails(jobs.status())->retry_after, std::nullopt);
}

TEST_F(LeaseJobsTest, ADrainingServerTakesNothingNewButEveryResult) {
  Submit("lab-1", 1);
  Register("worker-1");
  const JobRef job = LeaseOne("worker-1");
  scheduler_->BeginDrain();
  EXPECT_EQ(ReasonOf(scheduler_->SubmitSweep({.sweep_id = "lab-2"}).status()), "SERVER_DRAINING");
  EXPECT_EQ(ReasonOf(scheduler_->RegisterWorker({.worker_id = "worker-2", .instance_id = "first"})),
            "SERVER_DRAINING");
  EXPECT_EQ(Renew("worker-1", job), Directive::kContinue);
  EXPECT_THAT(Complete(job), IsOk());
}

}  // namespace
}  // namespace bitsweep::scheduler
