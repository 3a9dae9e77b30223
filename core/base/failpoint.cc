// SPDX-License-Identifier: Apache-2.0
#include "core/base/failpoint.h"

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <string>

#include "fmt/format.h"

namespace bitsweep {
namespace {

constexpr int kExitCode = 70;

struct Point {
  std::string name;
  std::atomic<std::int64_t> hits_left{1};
};

// A deque: points never move. Lives until the end of the process.
std::deque<Point>& Points() {
  static auto& points = *[] {
    auto* parsed = new std::deque<Point>;
    const char* variable = std::getenv("BITSWEEP_FAILPOINTS");
    std::string_view rest = variable != nullptr ? variable : "";
    while (!rest.empty()) {
      const std::string_view entry = rest.substr(0, rest.find(','));
      rest.remove_prefix(entry.size() < rest.size() ? entry.size() + 1 : entry.size());
      if (entry.empty()) continue;
      const std::size_t colon = entry.find(':');
      Point& point = parsed->emplace_back();
      point.name = entry.substr(0, colon);
      if (colon != std::string_view::npos) {
        point.hits_left = std::strtoll(std::string(entry.substr(colon + 1)).c_str(), nullptr, 10);
      }
    }
    return parsed;
  }();
  return points;
}

}  // namespace

void Failpoint(std::string_view name) {
  static const bool any = !Points().empty();
  if (!any) return;
  for (Point& point : Points()) {
    if (point.name != name || point.hits_left.fetch_sub(1) != 1) continue;
    const std::string line = fmt::format("failpoint {}\n", name);
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
    _exit(kExitCode);
  }
}

}  // namespace bitsweep
