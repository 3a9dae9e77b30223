// SPDX-License-Identifier: Apache-2.0
#include "server/scheduler/eta.h"

#include <algorithm>

namespace bitsweep::scheduler {

std::optional<absl::Duration> EstimateEta(const store::WorkSummary& work, std::int64_t parallel) {
  if (work.finished_cost <= 0 || work.open_cost <= 0) return std::nullopt;
  const double speed = work.finished_seconds / work.finished_cost;
  return absl::Seconds(work.open_cost * speed /
                       static_cast<double>(std::max<std::int64_t>(parallel, 1)));
}

}  // namespace bitsweep::scheduler
