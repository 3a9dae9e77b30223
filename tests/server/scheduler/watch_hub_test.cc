// SPDX-License-Identifier: Apache-2.0
#include "server/scheduler/watch_hub.h"

#include <atomic>
#include <future>
#include <thread>

#include "core/base/simulated_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bitsweep::scheduler {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

bool Never() { return false; }

spec::EpochPoint Epoch(std::int64_t epoch, double seconds) {
  return {.epoch = epoch, .seconds = seconds};
}

TEST(WatchHubTest, VersionGrowsWithEveryChange) {
  SimulatedClock clock;
  WatchHub hub(clock);
  EXPECT_EQ(hub.Version("sweeps/lab-1"), 0u);
  hub.Changed("sweeps/lab-1");
  const std::uint64_t first = hub.Version("sweeps/lab-1");
  hub.Started("sweeps/lab-1", 0, 100);
  const std::uint64_t second = hub.Version("sweeps/lab-1");
  hub.Epoch("sweeps/lab-1", 0, 1, Epoch(0, 1));
  const std::uint64_t third = hub.Version("sweeps/lab-1");
  hub.Ended("sweeps/lab-1", 0);
  EXPECT_LT(0u, first);
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_LT(third, hub.Version("sweeps/lab-1"));
}

TEST(WatchHubTest, ChangesOfAnotherSweepAreNotThisOnes) {
  SimulatedClock clock;
  WatchHub hub(clock);
  hub.Changed("sweeps/lab-1");
  const std::uint64_t before = hub.Version("sweeps/lab-1");
  hub.Changed("sweeps/lab-2");
  EXPECT_EQ(hub.Version("sweeps/lab-1"), before);
}

TEST(WatchHubTest, ReturnsAtOnceWhenTheVersionIsNewerThanSeen) {
  SimulatedClock clock;
  WatchHub hub(clock);
  hub.Changed("sweeps/lab-1");
  EXPECT_EQ(hub.WaitForChange("sweeps/lab-1", 0, absl::InfiniteFuture(), Never),
            hub.Version("sweeps/lab-1"));
}

TEST(WatchHubTest, WakesAWaiterWhenSomethingChanges) {
  SimulatedClock clock;  // stands still: only the change can end the wait
  WatchHub hub(clock);
  auto waiter = std::async(std::launch::async, [&] {
    return hub.WaitForChange("sweeps/lab-1", 0, absl::InfiniteFuture(), Never);
  });
  hub.Changed("sweeps/lab-1");
  EXPECT_EQ(waiter.get(), hub.Version("sweeps/lab-1"));
}

TEST(WatchHubTest, StopsWaitingAtTheDeadline) {
  SimulatedClock clock;
  WatchHub hub(clock);
  const absl::Time deadline = clock.Now() + absl::Seconds(10);
  std::atomic<bool> done = false;
  std::thread waiter([&] {
    EXPECT_EQ(hub.WaitForChange("sweeps/lab-1", 0, deadline, Never), 0u);
    EXPECT_GE(clock.Now(), deadline);
    done = true;
  });
  while (!done) {
    clock.Advance(absl::Seconds(1));
    std::this_thread::yield();
  }
  waiter.join();
}

TEST(WatchHubTest, StopsWaitingWhenTheWatcherHasGone) {
  SimulatedClock clock;
  WatchHub hub(clock);
  std::atomic<bool> done = false;
  std::thread waiter([&] {
    hub.WaitForChange("sweeps/lab-1", 0, absl::InfiniteFuture(), [] { return true; });
    done = true;
  });
  while (!done) {
    clock.Advance(absl::Seconds(1));
    std::this_thread::yield();
  }
  waiter.join();
  SUCCEED() << "the wait has no other end";
}

TEST(WatchHubTest, CloseEndsEveryWait) {
  SimulatedClock clock;
  WatchHub hub(clock);
  auto waiter = std::async(std::launch::async, [&] {
    return hub.WaitForChange("sweeps/lab-1", 0, absl::InfiniteFuture(), Never);
  });
  hub.Close();
  EXPECT_EQ(waiter.get(), 0u);
  EXPECT_TRUE(hub.closed());
  EXPECT_EQ(hub.WaitForChange("sweeps/lab-1", 0, absl::InfiniteFuture(), Never), 0u);
}

TEST(WatchHubTest, KeepsOnlyTheLatestPointOfATrial) {
  SimulatedClock clock;
  WatchHub hub(clock);
  hub.Started("sweeps/lab-1", 3, 1000);
  hub.Epoch("sweeps/lab-1", 3, 2, Epoch(0, 1));
  hub.Epoch("sweeps/lab-1", 3, 2, Epoch(1, 1));
  hub.Epoch("sweeps/lab-1", 3, 2, Epoch(2, 0.5));
  const std::vector<LivePoint> points = hub.PointsAfter("sweeps/lab-1", 0);
  ASSERT_THAT(points, SizeIs(1));
  EXPECT_EQ(points[0].trial, 3);
  EXPECT_EQ(points[0].attempt, 2);
  EXPECT_EQ(points[0].point.epoch, 2);
  EXPECT_DOUBLE_EQ(points[0].rows_per_second, 2000);  // 1000 rows in half a second
}

TEST(WatchHubTest, GivesOnlyPointsNewerThanSeen) {
  SimulatedClock clock;
  WatchHub hub(clock);
  hub.Epoch("sweeps/lab-1", 0, 1, Epoch(0, 1));
  const std::uint64_t seen = hub.Version("sweeps/lab-1");
  hub.Epoch("sweeps/lab-1", 1, 1, Epoch(0, 1));
  const std::vector<LivePoint> points = hub.PointsAfter("sweeps/lab-1", seen);
  ASSERT_THAT(points, SizeIs(1));
  EXPECT_EQ(points[0].trial, 1);
}

TEST(WatchHubTest, AddsTheSpeedOfTheTrialsUnderWay) {
  SimulatedClock clock;
  WatchHub hub(clock);
  hub.Started("sweeps/lab-1", 0, 1000);
  hub.Started("sweeps/lab-1", 1, 1000);
  hub.Started("sweeps/lab-1", 2, 1000);  // no epoch yet: no speed
  hub.Epoch("sweeps/lab-1", 0, 1, Epoch(0, 2));
  hub.Epoch("sweeps/lab-1", 1, 1, Epoch(0, 4));
  EXPECT_DOUBLE_EQ(hub.RowsPerSecond("sweeps/lab-1"), 750);  // 500 + 250
  hub.Ended("sweeps/lab-1", 0);
  EXPECT_DOUBLE_EQ(hub.RowsPerSecond("sweeps/lab-1"), 250);
  EXPECT_DOUBLE_EQ(hub.RowsPerSecond("sweeps/lab-2"), 0);
}

TEST(WatchHubTest, AnEpochWithoutTimeHasNoSpeed) {
  SimulatedClock clock;
  WatchHub hub(clock);
  hub.Started("sweeps/lab-1", 0, 1000);
  hub.Epoch("sweeps/lab-1", 0, 1, Epoch(0, 0));
  EXPECT_DOUBLE_EQ(hub.RowsPerSecond("sweeps/lab-1"), 0);
}

TEST(WatchHubTest, ForgetsASweep) {
  SimulatedClock clock;
  WatchHub hub(clock);
  hub.Epoch("sweeps/lab-1", 0, 1, Epoch(0, 1));
  hub.Forget("sweeps/lab-1");
  EXPECT_EQ(hub.Version("sweeps/lab-1"), hub.Version("sweeps/never-seen"));
  EXPECT_THAT(hub.PointsAfter("sweeps/lab-1", 0), IsEmpty());
}

TEST(WatchHubTest, ForgettingIsAChange) {
  SimulatedClock clock;  // stands still: only the change can end the wait
  WatchHub hub(clock);
  hub.Changed("sweeps/lab-1");
  const std::uint64_t seen = hub.Version("sweeps/lab-1");
  hub.Forget("sweeps/lab-1");
  EXPECT_NE(hub.WaitForChange("sweeps/lab-1", seen, absl::InfiniteFuture(), Never), seen);
}

TEST(WatchHubTest, AnEndWakesTheWatcherOfASweepWithoutAnEntry) {
  SimulatedClock clock;  // stands still: only the change can end the wait
  WatchHub hub(clock);
  hub.Ended("sweeps/lab-1", 0);
  EXPECT_NE(hub.WaitForChange("sweeps/lab-1", 0, absl::InfiniteFuture(), Never), 0u);
}

TEST(WatchHubTest, AnEndAfterForgettingMakesNoEntry) {
  SimulatedClock clock;
  WatchHub hub(clock);
  hub.Changed("sweeps/lab-1");
  hub.Forget("sweeps/lab-1");
  hub.Ended("sweeps/lab-1", 0);
  EXPECT_EQ(hub.Version("sweeps/lab-1"), hub.Version("sweeps/never-seen"));
}

}  // namespace
}  // namespace bitsweep::scheduler
