// SPDX-License-Identifier: Apache-2.0
#include "core/base/simulated_clock.h"

#include <algorithm>

namespace bitsweep {

SimulatedClock::SimulatedClock(absl::Time start) : now_(start) {}

absl::Time SimulatedClock::Now() {
  absl::MutexLock lock(&mu_);
  return now_;
}

bool SimulatedClock::AwaitUntil(absl::Mutex& mu, const absl::Condition& condition,
                                absl::Time deadline) {
  {
    absl::MutexLock lock(&mu_);
    waiting_.push_back(&mu);
  }
  auto done = [&] { return condition.Eval() || Now() >= deadline; };
  mu.Await(absl::Condition(&done));
  {
    absl::MutexLock lock(&mu_);
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &mu));
  }
  return condition.Eval();
}

void SimulatedClock::Advance(absl::Duration by) {
  std::vector<absl::Mutex*> waiting;
  {
    absl::MutexLock lock(&mu_);
    now_ += by;
    waiting = waiting_;
  }
  // Unlocking a mutex makes it evaluate its waiters' conditions again.
  for (absl::Mutex* mu : waiting) absl::MutexLock evaluate(mu);
}

}  // namespace bitsweep
