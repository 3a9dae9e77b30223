// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_BASE_SIMULATED_CLOCK_H_
#define BITSWEEP_CORE_BASE_SIMULATED_CLOCK_H_

#include <vector>

#include "core/base/clock.h"

namespace bitsweep {

// A clock that moves only when a test moves it. Waiters whose deadline has come wake by themselves.
// Thread-safe. A mutex that is waited on must outlive the wait, as always.
class SimulatedClock final : public Clock {
 public:
  explicit SimulatedClock(absl::Time start = absl::FromUnixSeconds(1700000000));

  absl::Time Now() override;
  bool AwaitUntil(absl::Mutex& mu, const absl::Condition& condition, absl::Time deadline) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);

  // Moves time forward. REQUIRES: by >= 0, the caller holds no mutex that is waited on.
  void Advance(absl::Duration by);

 private:
  absl::Mutex mu_;
  absl::Time now_ ABSL_GUARDED_BY(mu_);
  std::vector<absl::Mutex*> waiting_ ABSL_GUARDED_BY(mu_);
};

}  // namespace bitsweep

#endif  // BITSWEEP_CORE_BASE_SIMULATED_CLOCK_H_
