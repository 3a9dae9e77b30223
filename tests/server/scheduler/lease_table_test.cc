// SPDX-License-Identifier: Apache-2.0
#include "server/scheduler/lease_table.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bitsweep::scheduler {
namespace {

using ::testing::IsEmpty;

const absl::Time kStart = absl::FromUnixSeconds(1000);

Lease MakeLease(std::int64_t job, std::int64_t attempt, const char* worker, absl::Time deadline) {
  return {.ref = {JobId{job}, attempt},
          .job_name = "sweeps/lab-1/trials/" + std::to_string(job),
          .submission = "sweeps/lab-1",
          .number = job,
          .worker_id = worker,
          .deadline = deadline,
          .leased_at = kStart};
}

std::vector<std::int64_t> JobsOf(const std::vector<Lease>& leases) {
  std::vector<std::int64_t> jobs;
  for (const Lease& lease : leases) jobs.push_back(lease.ref.job.value);
  std::sort(jobs.begin(), jobs.end());
  return jobs;
}

TEST(LeaseTableTest, FindsALeaseByJobAndAttempt) {
  LeaseTable table;
  table.Add(MakeLease(7, 2, "w1aa", kStart));
  ASSERT_NE(table.Find({JobId{7}, 2}), nullptr);
  EXPECT_EQ(table.Find({JobId{7}, 2})->worker_id, "w1aa");
}

TEST(LeaseTableTest, DoesNotFindAnotherAttempt) {
  LeaseTable table;
  table.Add(MakeLease(7, 2, "w1aa", kStart));
  EXPECT_EQ(table.Find({JobId{7}, 1}), nullptr);
  EXPECT_EQ(table.Find({JobId{7}, 3}), nullptr);
  EXPECT_EQ(table.Find({JobId{8}, 2}), nullptr);
}

TEST(LeaseTableTest, ANewerAttemptReplacesTheOlder) {
  LeaseTable table;
  table.Add(MakeLease(7, 1, "w1aa", kStart));
  table.Add(MakeLease(7, 2, "w2aa", kStart));
  EXPECT_EQ(table.size(), 1);
  EXPECT_EQ(table.Find({JobId{7}, 1}), nullptr);
  EXPECT_EQ(table.CountOf("w1aa"), 0);
  EXPECT_EQ(table.CountOf("w2aa"), 1);
}

TEST(LeaseTableTest, RenewsOnlyForItsWorkerAndAttempt) {
  LeaseTable table;
  table.Add(MakeLease(7, 2, "w1aa", kStart));
  const absl::Time later = kStart + absl::Seconds(15);
  EXPECT_FALSE(table.Renew({JobId{7}, 2}, "w2aa", later));
  EXPECT_FALSE(table.Renew({JobId{7}, 1}, "w1aa", later));
  EXPECT_EQ(table.NextDeadline(), kStart);
  EXPECT_TRUE(table.Renew({JobId{7}, 2}, "w1aa", later));
  EXPECT_EQ(table.NextDeadline(), later);
}

TEST(LeaseTableTest, TakesWhatIsDueAndLeavesTheRest) {
  LeaseTable table;
  table.Add(MakeLease(1, 1, "w1aa", kStart + absl::Seconds(1)));
  table.Add(MakeLease(2, 1, "w1aa", kStart + absl::Seconds(2)));
  table.Add(MakeLease(3, 1, "w2aa", kStart + absl::Seconds(3)));
  EXPECT_THAT(table.TakeExpired(kStart), IsEmpty());
  EXPECT_EQ(JobsOf(table.TakeExpired(kStart + absl::Seconds(2))), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(table.size(), 1);
  EXPECT_EQ(table.NextDeadline(), kStart + absl::Seconds(3));
}

TEST(LeaseTableTest, TakesAllLeasesOfAWorker) {
  LeaseTable table;
  table.Add(MakeLease(1, 1, "w1aa", kStart));
  table.Add(MakeLease(2, 1, "w2aa", kStart));
  table.Add(MakeLease(3, 1, "w1aa", kStart));
  EXPECT_EQ(JobsOf(table.TakeWorker("w1aa")), (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(table.size(), 1);
}

TEST(LeaseTableTest, HasNoDeadlineWhenEmpty) {
  EXPECT_EQ(LeaseTable().NextDeadline(), std::nullopt);
}

TEST(LeaseTableTest, ForgetsWhatEnded) {
  LeaseTable table;
  table.Add(MakeLease(7, 2, "w1aa", kStart));
  table.Remove({JobId{7}, 2});
  EXPECT_EQ(table.size(), 0);
  EXPECT_EQ(table.Find({JobId{7}, 2}), nullptr);
  EXPECT_FALSE(table.WasCancelled({JobId{7}, 2}));
}

TEST(LeaseTableTest, DoesNotRemoveANewerAttempt) {
  LeaseTable table;
  table.Add(MakeLease(7, 2, "w1aa", kStart));
  table.Remove({JobId{7}, 1});
  table.Cancel({JobId{7}, 1}, kStart);
  EXPECT_NE(table.Find({JobId{7}, 2}), nullptr);
}

TEST(LeaseTableTest, RemembersACancellationUntilTheLeaseWouldHaveEnded) {
  LeaseTable table;
  table.Add(MakeLease(7, 2, "w1aa", kStart + absl::Seconds(15)));
  table.Cancel({JobId{7}, 2}, kStart);
  EXPECT_EQ(table.size(), 0);
  EXPECT_TRUE(table.WasCancelled({JobId{7}, 2}));
  table.TakeExpired(kStart + absl::Seconds(14));
  EXPECT_TRUE(table.WasCancelled({JobId{7}, 2}));
  table.TakeExpired(kStart + absl::Seconds(15));
  EXPECT_FALSE(table.WasCancelled({JobId{7}, 2}));
}

TEST(LeaseTableTest, DoesNotTakeALeaseThatWasCancelledBeforeItCame) {
  LeaseTable table;
  table.Cancel({JobId{7}, 2}, kStart + absl::Seconds(15));
  EXPECT_FALSE(table.Add(MakeLease(7, 2, "w1aa", kStart + absl::Seconds(15))));
  EXPECT_EQ(table.size(), 0);
  EXPECT_TRUE(table.WasCancelled({JobId{7}, 2}));
  EXPECT_TRUE(table.Add(MakeLease(7, 3, "w1aa", kStart + absl::Seconds(15))));
  table.TakeExpired(kStart + absl::Seconds(15));
  EXPECT_FALSE(table.WasCancelled({JobId{7}, 2}));
}

TEST(LeaseTableTest, RemembersOnlyTheLatestThatExpired) {
  LeaseTable table;
  for (std::int64_t job = 0; job < 1025; ++job) {
    table.Add(MakeLease(job, 1, "w1aa", kStart + absl::Seconds(job)));
    table.TakeExpired(kStart + absl::Seconds(job));
  }
  EXPECT_FALSE(table.TakeFalseExpiry({JobId{0}, 1}));
  EXPECT_TRUE(table.TakeFalseExpiry({JobId{1}, 1}));
  EXPECT_TRUE(table.TakeFalseExpiry({JobId{1024}, 1}));
  EXPECT_FALSE(table.TakeFalseExpiry({JobId{1024}, 1}));
  EXPECT_FALSE(table.TakeFalseExpiry({JobId{2}, 2}));  // another attempt
}

}  // namespace
}  // namespace bitsweep::scheduler
