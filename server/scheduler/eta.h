// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_SCHEDULER_ETA_H_
#define BITSWEEP_SERVER_SCHEDULER_ETA_H_

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "server/store/sweep_store.h"

namespace bitsweep::scheduler {

// Time until the last open trial ends, at the speed of those that have: open_cost *
// (finished_seconds / finished_cost) / `parallel`, the trials that run at the same time (at least
// 1). Nothing when no trial has finished or none is open. Pure.
std::optional<absl::Duration> EstimateEta(const store::WorkSummary& work, std::int64_t parallel);

}  // namespace bitsweep::scheduler

#endif  // BITSWEEP_SERVER_SCHEDULER_ETA_H_
