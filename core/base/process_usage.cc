// SPDX-License-Identifier: Apache-2.0
#include "core/base/process_usage.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

namespace bitsweep {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  file >> total >> resident;
  return file ? resident * sysconf(_SC_PAGESIZE) : 0;
}

std::int64_t OpenFds() {
  std::error_code error;
  const std::filesystem::directory_iterator entries("/proc/self/fd", error);
  if (error) return 0;
  return std::distance(begin(entries), end(entries)) - 1;  // without the one that lists them
}

double Now(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// From the process's own entry and two clocks alone: /proc may hold nothing else (ProcSubset=pid).
double StartTime() {
  constexpr int kStartField = 22;  // of proc(5), /proc/[pid]/stat
  std::ifstream file("/proc/self/stat");
  std::string text(std::istreambuf_iterator<char>(file), {});
  // The name of the program is in parentheses and may hold anything.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::size_t at = name_end + 1;
  for (int field = 2; field < kStartField && at != std::string::npos; ++field) {
    at = text.find(' ', at + (field > 2 ? 1 : 0));
  }
  if (at == std::string::npos) return 0;
  const double ticks = std::strtod(text.c_str() + at, nullptr);
  const double since_boot = ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
  return Now(CLOCK_REALTIME) - (Now(CLOCK_BOOTTIME) - since_boot);
}

}  // namespace

ProcessUsage ReadProcessUsage() {
  static const double start_time = StartTime();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {.cpu_seconds = Seconds(usage.ru_utime) + Seconds(usage.ru_stime),
          .resident_bytes = ResidentBytes(),
          .open_fds = OpenFds(),
          .start_time_seconds = start_time};
}

}  // namespace bitsweep
