// SPDX-License-Identifier: Apache-2.0
#include "core/base/clock.h"

#include <algorithm>
#include <chrono>

#include "absl/time/clock.h"

namespace bitsweep {
namespace {

class MachineClock final : public Clock {
 public:
  absl::Time Now() override {
    return wall_at_start_ + absl::FromChrono(std::chrono::steady_clock::now() - steady_at_start_);
  }

  bool AwaitUntil(absl::Mutex& mu, const absl::Condition& condition, absl::Time deadline) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    // Abseil's own waits follow the wall clock: after each, ask the clock that does not jump.
    while (true) {
      const absl::Duration left = deadline - Now();
      if (left <= absl::ZeroDuration()) return condition.Eval();
      if (mu.AwaitWithTimeout(condition, std::min(left, absl::Hours(1)))) return true;
    }
  }

 private:
  const absl::Time wall_at_start_ = absl::Now();
  const std::chrono::steady_clock::time_point steady_at_start_ = std::chrono::steady_clock::now();
};

}  // namespace

Clock& SystemClock() {
  static MachineClock& clock = *new MachineClock;
  return clock;
}

}  // namespace bitsweep
