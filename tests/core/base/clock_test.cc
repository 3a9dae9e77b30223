// SPDX-License-Identifier: Apache-2.0
#include "core/base/clock.h"

#include <thread>

#include "core/base/simulated_clock.h"
#include "gtest/gtest.h"

namespace bitsweep {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

// A thread that waits at a clock until `flag` is set or `deadline` has come.
class Waiter {
 public:
  Waiter(Clock& clock, absl::Time deadline)
      : thread_([this, &clock, deadline] {
          absl::MutexLock lock(&mu_);
          auto look = [this] {
            looked_ = true;
            return flag_;
          };
          result_ = clock.AwaitUntil(mu_, absl::Condition(&look), deadline);
          returned_ = true;
        }) {}
  ~Waiter() { thread_.join(); }

  // Returns when the thread has found the flag unset and waits.
  void AwaitWaiting() {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&looked_));
  }
  void SetFlag() {
    absl::MutexLock lock(&mu_);
    flag_ = true;
  }
  bool AwaitResult() {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&returned_));
    return result_;
  }
  bool HasReturned() {
    absl::MutexLock lock(&mu_);
    return returned_;
  }

 private:
  absl::Mutex mu_;
  bool looked_ = false;
  bool flag_ = false;
  bool returned_ = false;
  bool result_ = false;
  std::thread thread_;  // last: it uses the others
};

TEST(SimulatedClockTest, StandsStillUntilAdvanced) {
  SimulatedClock clock(kStart);
  EXPECT_EQ(clock.Now(), kStart);
  EXPECT_EQ(clock.Now(), kStart);
  clock.Advance(absl::Milliseconds(1500));
  EXPECT_EQ(clock.Now(), kStart + absl::Milliseconds(1500));
}

TEST(SimulatedClockTest, WakesAWaiterWhoseDeadlineHasCome) {
  SimulatedClock clock(kStart);
  Waiter waiter(clock, kStart + absl::Seconds(10));
  waiter.AwaitWaiting();
  clock.Advance(absl::Seconds(10));
  EXPECT_FALSE(waiter.AwaitResult());
}

TEST(SimulatedClockTest, LetsAWaiterWaitBeforeItsDeadline) {
  SimulatedClock clock(kStart);
  Waiter waiter(clock, kStart + absl::Seconds(10));
  waiter.AwaitWaiting();
  clock.Advance(absl::Seconds(9));
  EXPECT_FALSE(waiter.HasReturned());
  clock.Advance(absl::Seconds(1));
  EXPECT_FALSE(waiter.AwaitResult());
}

TEST(SimulatedClockTest, WakesEveryWaiterOfOneAdvance) {
  SimulatedClock clock(kStart);
  Waiter first(clock, kStart + absl::Seconds(1));
  Waiter second(clock, kStart + absl::Seconds(2));
  first.AwaitWaiting();
  second.AwaitWaiting();
  clock.Advance(absl::Seconds(2));
  EXPECT_FALSE(first.AwaitResult());
  EXPECT_FALSE(second.AwaitResult());
}

TEST(SimulatedClockTest, WakesAWaiterWhoseConditionBecomesTrue) {
  SimulatedClock clock(kStart);
  Waiter waiter(clock, absl::InfiniteFuture());
  waiter.AwaitWaiting();
  waiter.SetFlag();
  EXPECT_TRUE(waiter.AwaitResult());
}

TEST(SimulatedClockTest, DoesNotWaitForWhatIsTrueOrPast) {
  SimulatedClock clock(kStart);
  absl::Mutex mu;
  absl::MutexLock lock(&mu);
  bool condition = true;
  EXPECT_TRUE(clock.AwaitUntil(mu, absl::Condition(&condition), absl::InfiniteFuture()));
  EXPECT_TRUE(clock.AwaitUntil(mu, absl::Condition(&condition), kStart - absl::Seconds(1)));
  condition = false;
  EXPECT_FALSE(clock.AwaitUntil(mu, absl::Condition(&condition), kStart));
}

TEST(SystemClockTest, NeverGoesBack) {
  absl::Time last = SystemClock().Now();
  for (int i = 0; i < 100'000; ++i) {
    const absl::Time now = SystemClock().Now();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(SystemClockTest, StartsFromTheWallClock) {
  EXPECT_GT(SystemClock().Now(), absl::FromUnixSeconds(1'600'000'000));
}

TEST(SystemClockTest, GivesUpAtTheDeadline) {
  Clock& clock = SystemClock();
  const absl::Time deadline = clock.Now() + absl::Milliseconds(5);
  Waiter waiter(clock, deadline);
  EXPECT_FALSE(waiter.AwaitResult());
  EXPECT_GE(clock.Now(), deadline);
}

TEST(SystemClockTest, WakesAWaiterWhoseConditionBecomesTrue) {
  Waiter waiter(SystemClock(), absl::InfiniteFuture());
  waiter.AwaitWaiting();
  waiter.SetFlag();
  EXPECT_TRUE(waiter.AwaitResult());
}

}  // namespace
}  // namespace bitsweep
