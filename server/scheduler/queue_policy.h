// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_SCHEDULER_QUEUE_POLICY_H_
#define BITSWEEP_SERVER_SCHEDULER_QUEUE_POLICY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "server/store/queue_store.h"

namespace bitsweep::scheduler {

// A worker that waits for up to `wanted` jobs.
struct LeaseRequest {
  std::string worker_id;
  std::int64_t wanted = 0;
};

// Which sweep or transform gives how many jobs to whom. Pure.
//
// Jobs are given out one at a time, to the requests in turn. Each comes from the source of the
// highest priority and, among equals, the one with the fewest jobs under way (then the oldest): a
// sweep of ten trials is not starved by one of a hundred thousand. No source exceeds its
// max_parallel.
std::vector<store::Allocation> Allocate(const std::vector<store::QueueSource>& sources,
                                        const std::vector<LeaseRequest>& requests);

}  // namespace bitsweep::scheduler

#endif  // BITSWEEP_SERVER_SCHEDULER_QUEUE_POLICY_H_
