// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_BASE_PROCESS_USAGE_H_
#define BITSWEEP_CORE_BASE_PROCESS_USAGE_H_

#include <cstdint>

namespace bitsweep {

// What this process uses of its machine, as Linux tells in /proc. 0 where it does not.
struct ProcessUsage {
  double cpu_seconds = 0;  // user and system, of all threads
  std::int64_t resident_bytes = 0;
  std::int64_t open_fds = 0;
  double start_time_seconds = 0;  // Unix time
};

// Thread-safe; takes some tens of microseconds.
ProcessUsage ReadProcessUsage();

}  // namespace bitsweep

#endif  // BITSWEEP_CORE_BASE_PROCESS_USAGE_H_
