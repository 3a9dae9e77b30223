// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/held_jobs.h"

#include <thread>

#include "absl/synchronization/notification.h"
#include "core/base/simulated_clock.h"
#include "gmock/gmock.h"

namespace bitsweep::worker {
namespace {

LeasedJob Leased(const std::string& job, std::int64_t attempt = 1) {
  return {.ref = {job, attempt}, .work = spec::TrialSpec{}, .expected_data_digest = ""};
}

std::vector<LeasedJob> LeasedList(int count) {
  std::vector<LeasedJob> jobs;
  for (int i = 0; i < count; ++i) jobs.push_back(Leased("job-" + std::to_string(i)));
  return jobs;
}

spec::EpochPoint Point(std::int64_t epoch) { return {.epoch = epoch}; }

class HeldJobsTest : public ::testing::Test {
 protected:
  absl::Time In(absl::Duration wait) { return clock_.Now() + wait; }

  SimulatedClock clock_;
  HeldJobs jobs_{clock_, 2, 3};  // slots, prefetch
};

TEST_F(HeldJobsTest, HasRoomForItsSlotsUntilATrialHasEnded) {
  EXPECT_EQ(jobs_.WaitForRoom(), 2);
  jobs_.Add(LeasedList(1));
  EXPECT_EQ(jobs_.WaitForRoom(), 1);
  EXPECT_EQ(jobs_.held(), 1);
}

TEST_F(HeldJobsTest, HoldsJobsReadyWhileTrialsAreShort) {
  jobs_.Add(LeasedList(2));
  jobs_.Remove(jobs_.Take(), absl::Milliseconds(100));
  EXPECT_EQ(jobs_.WaitForRoom(), 2 + 3 - 1);
}

TEST_F(HeldJobsTest, HoldsNoneReadyWhenTrialsAreLong) {
  jobs_.Add(LeasedList(2));
  jobs_.Remove(jobs_.Take(), absl::Seconds(2));
  EXPECT_EQ(jobs_.WaitForRoom(), 2 - 1);
}

TEST_F(HeldJobsTest, HandsOutInOrder) {
  jobs_.Add(LeasedList(2));
  EXPECT_EQ(jobs_.Take()->leased.ref.job, "job-0");
  EXPECT_EQ(jobs_.Take()->leased.ref.job, "job-1");
  EXPECT_EQ(jobs_.busy(), 2);
}

// A Take that another thread is about to make; Closed says what it got once the queue was closed.
class PendingTake {
 public:
  explicit PendingTake(HeldJobs& jobs)
      : jobs_(jobs), thread_([this] {
          about_.Notify();
          taken_ = jobs_.Take();
        }) {
    about_.WaitForNotification();
  }
  HeldJobs::Ptr Closed() {
    jobs_.CloseQueue();
    thread_.join();
    return taken_;
  }

 private:
  HeldJobs& jobs_;
  HeldJobs::Ptr taken_;
  absl::Notification about_;
  std::thread thread_;
};

TEST_F(HeldJobsTest, LetsNoMoreComputeThanThereAreSlots) {
  jobs_.Add(LeasedList(3));
  jobs_.Take();
  jobs_.Take();
  EXPECT_EQ(PendingTake(jobs_).Closed(), nullptr);
}

TEST_F(HeldJobsTest, AJobThatWasTriedBeforeWaitsForResultsUnderWay) {
  jobs_.Add({Leased("job-0"), Leased("job-1", 2)});
  jobs_.FreeSlot(*jobs_.Take());
  EXPECT_EQ(PendingTake(jobs_).Closed(), nullptr);
}

TEST_F(HeldJobsTest, AJobThatWasTriedBeforeRunsBesideOthers) {
  jobs_.Add({Leased("job-0"), Leased("job-1", 2)});
  jobs_.Take();
  EXPECT_EQ(jobs_.Take()->leased.ref.job, "job-1");
}

TEST_F(HeldJobsTest, LeasesNoMoreThanThreadsCanRunWhileResultsDoNotArrive) {
  jobs_.Add(LeasedList(2));
  jobs_.Remove(jobs_.Take(), absl::Milliseconds(100));  // trials are short
  jobs_.FreeSlot(*jobs_.Take());
  jobs_.Add(LeasedList(3));
  for (int i = 0; i < 3; ++i) jobs_.FreeSlot(*jobs_.Take());
  EXPECT_EQ(jobs_.busy(), 0);
  EXPECT_EQ(jobs_.WaitForRoom(), 3);  // those to hold ready
}

TEST_F(HeldJobsTest, AFreedSlotTakesTheNextJob) {
  jobs_.Add(LeasedList(3));
  const HeldJobs::Ptr first = jobs_.Take();
  const HeldJobs::Ptr second = jobs_.Take();
  HeldJobs::Ptr third;
  std::thread slot([&] { third = jobs_.Take(); });
  jobs_.FreeSlot(*first);
  slot.join();
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(jobs_.busy(), 2);
  EXPECT_EQ(jobs_.held(), 3);  // the first one's result is still to be brought
}

TEST_F(HeldJobsTest, AFreedSlotMakesRoomAndIsNotIdle) {
  jobs_.Add(LeasedList(1));
  const HeldJobs::Ptr job = jobs_.Take();
  jobs_.FreeSlot(*job);
  jobs_.FreeSlot(*job);  // once is enough
  EXPECT_EQ(jobs_.busy(), 0);
  EXPECT_EQ(jobs_.WaitForRoom(), 2);
  EXPECT_FALSE(jobs_.WaitUntilIdle(clock_.Now()));
  jobs_.Remove(job, absl::Seconds(3));
  EXPECT_TRUE(jobs_.WaitUntilIdle(clock_.Now()));
  EXPECT_EQ(jobs_.busy(), 0);
}

TEST_F(HeldJobsTest, WakesASlotWhenAJobComes) {
  HeldJobs::Ptr taken;
  std::thread slot([&] { taken = jobs_.Take(); });
  jobs_.Add(LeasedList(1));
  slot.join();
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(taken->leased.ref.job, "job-0");
}

TEST_F(HeldJobsTest, ClosingLeasingEndsTheWaitForRoom) {
  jobs_.Add(LeasedList(2));
  std::int64_t room = -1;
  std::thread lease([&] { room = jobs_.WaitForRoom(); });
  jobs_.CloseLeasing();
  lease.join();
  EXPECT_EQ(room, 0);
}

TEST_F(HeldJobsTest, ClosingTheQueueGivesUpWhatWaitsAndKeepsWhatRuns) {
  jobs_.Add(LeasedList(3));
  const HeldJobs::Ptr running = jobs_.Take();
  const std::vector<JobRef> waiting = jobs_.CloseQueue();
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_EQ(waiting[0].job, "job-1");
  EXPECT_EQ(jobs_.Take(), nullptr);
  EXPECT_EQ(jobs_.held(), 1);
  EXPECT_EQ(jobs_.All(), std::vector<HeldJobs::Ptr>{running});
}

TEST_F(HeldJobsTest, TellsWhetherItIsIdleInTime) {
  jobs_.Add(LeasedList(1));
  const HeldJobs::Ptr job = jobs_.Take();
  EXPECT_FALSE(jobs_.WaitUntilIdle(clock_.Now()));
  std::thread slot([&] { jobs_.Remove(job, absl::Seconds(1)); });
  EXPECT_TRUE(jobs_.WaitUntilIdle(absl::InfiniteFuture()));
  slot.join();
}

TEST_F(HeldJobsTest, KeepsTheFirstReasonToStop) {
  jobs_.Add(LeasedList(1));
  const HeldJobs::Ptr job = jobs_.Take();
  jobs_.StopAll(StopReason::kCancelled);
  job->Stop(StopReason::kLost);
  EXPECT_EQ(job->stop.load(), StopReason::kCancelled);
}

TEST_F(HeldJobsTest, TwoAttemptsAtOneJobAreTwoJobs) {
  jobs_.Add({Leased("job-0", 1), Leased("job-0", 2)});
  EXPECT_EQ(jobs_.held(), 2);
  jobs_.Remove(jobs_.Take(), absl::Seconds(1));
  EXPECT_EQ(jobs_.All().front()->leased.ref.attempt, 2);
}

TEST_F(HeldJobsTest, TwoJobsOfOneNameAreTwoJobs) {
  LeasedJob of_the_new_sweep = Leased("job-0");
  of_the_new_sweep.ref.id = 2;
  LeasedJob of_the_deleted_one = Leased("job-0");
  of_the_deleted_one.ref.id = 1;
  jobs_.Add({of_the_deleted_one, of_the_new_sweep});
  EXPECT_EQ(jobs_.held(), 2);
  jobs_.Remove(jobs_.Take(), absl::Seconds(1));
  EXPECT_EQ(jobs_.All().front()->leased.ref.id, 2);
}

TEST_F(HeldJobsTest, ReportsAStartAtOnceAndAllThatIsKnownWithIt) {
  jobs_.Add(LeasedList(3));
  const HeldJobs::Ptr first = jobs_.Take();
  const HeldJobs::Ptr second = jobs_.Take();
  jobs_.Started(*first, "digest", 100);
  jobs_.Epoch(*second, Point(0));
  jobs_.Epoch(*second, Point(1));
  const auto reports = jobs_.WaitForReports(absl::InfiniteFuture());
  ASSERT_EQ(reports.size(), 2u);  // in one call; the job that waits has nothing to tell
  EXPECT_EQ(reports[0].second.ref.job, "job-0");
  EXPECT_TRUE(reports[0].second.started);
  EXPECT_EQ(reports[0].second.data_digest, "digest");
  EXPECT_EQ(reports[0].second.train_rows, 100);
  EXPECT_EQ(reports[1].second.points.size(), 2u);
}

TEST_F(HeldJobsTest, CollectsEpochsUntilTheDeadline) {
  jobs_.Add(LeasedList(1));
  const HeldJobs::Ptr job = jobs_.Take();
  jobs_.Epoch(*job, Point(0));
  std::vector<std::pair<HeldJobs::Ptr, Report>> reports;
  const absl::Time deadline = In(absl::Milliseconds(200));
  std::thread reporter([&] { reports = jobs_.WaitForReports(deadline); });
  jobs_.Epoch(*job, Point(1));
  clock_.Advance(absl::Milliseconds(200));
  reporter.join();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].second.points, (std::vector<spec::EpochPoint>{Point(0), Point(1)}));
}

TEST_F(HeldJobsTest, TellsAJobOnceWhileItsReportIsUnderWay) {
  jobs_.Add(LeasedList(1));
  const HeldJobs::Ptr job = jobs_.Take();
  jobs_.Epoch(*job, Point(0));
  auto reports = jobs_.WaitForReports(clock_.Now());
  jobs_.Epoch(*job, Point(1));
  EXPECT_TRUE(jobs_.WaitForReports(clock_.Now()).empty());
  jobs_.ReportsDone(reports, true);
  EXPECT_EQ(jobs_.WaitForReports(clock_.Now())[0].second.points,
            std::vector<spec::EpochPoint>{Point(1)});
}

TEST_F(HeldJobsTest, TellsAgainInOrderWhatWasNotAnswered) {
  jobs_.Add(LeasedList(1));
  const HeldJobs::Ptr job = jobs_.Take();
  jobs_.Started(*job, "digest", 100);
  jobs_.Epoch(*job, Point(0));
  auto reports = jobs_.WaitForReports(clock_.Now());
  jobs_.Epoch(*job, Point(1));
  jobs_.ReportsDone(reports, false);
  EXPECT_FALSE(job->start_reported);
  const auto again = jobs_.WaitForReports(clock_.Now());
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].second.points, (std::vector<spec::EpochPoint>{Point(0), Point(1)}));
}

TEST_F(HeldJobsTest, LeavesAClosedJobToItsSlot) {
  jobs_.Add(LeasedList(1));
  const HeldJobs::Ptr job = jobs_.Take();
  jobs_.Epoch(*job, Point(0));
  EXPECT_EQ(jobs_.CloseJob(*job).points, std::vector<spec::EpochPoint>{Point(0)});
  jobs_.Epoch(*job, Point(1));
  EXPECT_TRUE(jobs_.WaitForReports(clock_.Now()).empty());
}

TEST_F(HeldJobsTest, ClosingAJobWaitsForItsReport) {
  jobs_.Add(LeasedList(1));
  const HeldJobs::Ptr job = jobs_.Take();
  jobs_.Epoch(*job, Point(0));
  auto reports = jobs_.WaitForReports(clock_.Now());
  Report rest;
  std::thread slot([&] { rest = jobs_.CloseJob(*job); });
  jobs_.ReportsDone(reports, false);
  slot.join();
  EXPECT_EQ(rest.points, std::vector<spec::EpochPoint>{Point(0)});
}

TEST_F(HeldJobsTest, SplitsMorePointsThanOneMessageHolds) {
  jobs_.Add(LeasedList(1));
  const HeldJobs::Ptr job = jobs_.Take();
  const auto most = static_cast<std::int64_t>(HeldJobs::kMaxPoints);
  for (std::int64_t epoch = 0; epoch < most + 1; ++epoch) jobs_.Epoch(*job, Point(epoch));
  auto reports = jobs_.WaitForReports(clock_.Now());
  EXPECT_EQ(reports[0].second.points.size(), HeldJobs::kMaxPoints);
  jobs_.ReportsDone(reports, true);
  EXPECT_EQ(jobs_.CloseJob(*job).points, std::vector<spec::EpochPoint>{Point(most)});
}

}  // namespace
}  // namespace bitsweep::worker
