// SPDX-License-Identifier: Apache-2.0
#include "core/base/process_usage.h"

#include <unistd.h>

#include <fstream>
#include <vector>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace bitsweep {
namespace {

TEST(ProcessUsageTest, ProcessorTimeGrowsWithWork) {
  const double before = ReadProcessUsage().cpu_seconds;
  volatile double sum = 0;
  while (ReadProcessUsage().cpu_seconds < before + 0.01) sum = sum + 1;
  EXPECT_GT(ReadProcessUsage().cpu_seconds, before);
}

TEST(ProcessUsageTest, MemoryThatIsWrittenIsResident) {
  constexpr std::int64_t kBytes = 64 << 20;
  const std::int64_t before = ReadProcessUsage().resident_bytes;
  const std::vector<char> memory(kBytes, 'x');
  EXPECT_GT(ReadProcessUsage().resident_bytes, before + kBytes * 9 / 10);
  EXPECT_EQ(memory.back(), 'x');
}

TEST(ProcessUsageTest, CountsOpenFiles) {
  const std::int64_t before = ReadProcessUsage().open_fds;
  const std::ifstream one("/proc/self/stat");
  const std::ifstream two("/proc/self/stat");
  EXPECT_EQ(ReadProcessUsage().open_fds, before + 2);
}

TEST(ProcessUsageTest, StartedBeforeNowAndNotLongAgo) {
  const double now = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  const double start = ReadProcessUsage().start_time_seconds;
  EXPECT_LE(start, now + 1);  // the kernel rounds the time of its own start
  EXPECT_GT(start, now - 3600);
}

}  // namespace
}  // namespace bitsweep
