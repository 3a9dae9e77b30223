// SPDX-License-Identifier: Apache-2.0
// The one source of time. Policies never read it: they get `now` as a value.
#ifndef BITSWEEP_CORE_BASE_CLOCK_H_
#define BITSWEEP_CORE_BASE_CLOCK_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace bitsweep {

// A clock that never goes back.
//
// SystemClock reads the wall clock once, when it is made, and from then on adds what the monotonic
// clock says: stamps are UTC, and a jump of the wall clock changes neither them nor any lease.
// Thread-safe: any method may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  // The time now; successive calls never decrease.
  virtual absl::Time Now() = 0;

  // Releases `mu`, waits until `condition` is true or Now() reaches `deadline`, takes `mu` again
  // and returns whether the condition holds. REQUIRES: the caller holds `mu`.
  virtual bool AwaitUntil(absl::Mutex& mu, const absl::Condition& condition, absl::Time deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) = 0;
};

// The clock of the machine. The object lives as long as the program.
Clock& SystemClock();

}  // namespace bitsweep

#endif  // BITSWEEP_CORE_BASE_CLOCK_H_
