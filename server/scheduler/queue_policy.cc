// SPDX-License-Identifier: Apache-2.0
#include "server/scheduler/queue_policy.h"

#include <algorithm>
#include <map>
#include <queue>
#include <tuple>

namespace bitsweep::scheduler {

std::vector<store::Allocation> Allocate(const std::vector<store::QueueSource>& sources,
                                        const std::vector<LeaseRequest>& requests) {
  struct Candidate {
    std::int64_t priority, in_flight, submission, queued, room;
    // std::priority_queue gives the greatest: that is the best to serve.
    bool operator<(const Candidate& other) const {
      return std::tuple(priority, -in_flight, -submission) <
             std::tuple(other.priority, -other.in_flight, -other.submission);
    }
  };
  std::priority_queue<Candidate> candidates;
  for (const store::QueueSource& s : sources) {
    const std::int64_t room = s.max_parallel > 0 ? s.max_parallel - s.in_flight : s.queued;
    if (s.queued > 0 && room > 0)
      candidates.push({s.priority, s.in_flight, s.submission.value, s.queued, room});
  }
  std::vector<std::int64_t> wanted;
  for (const LeaseRequest& request : requests) wanted.push_back(request.wanted);
  std::map<std::pair<std::int64_t, std::size_t>, std::int64_t> given;  // (submission, request)
  bool progress = true;
  while (progress && !candidates.empty()) {
    progress = false;
    for (std::size_t i = 0; i < wanted.size() && !candidates.empty(); ++i) {
      if (wanted[i] <= 0) continue;
      Candidate best = candidates.top();
      candidates.pop();
      ++given[{best.submission, i}];
      --wanted[i];
      ++best.in_flight;
      --best.queued;
      --best.room;
      if (best.queued > 0 && best.room > 0) candidates.push(best);
      progress = true;
    }
  }
  std::vector<store::Allocation> allocations;
  for (const auto& [key, count] : given) {
    allocations.push_back({SubmissionId{key.first}, requests[key.second].worker_id, count});
  }
  return allocations;
}

}  // namespace bitsweep::scheduler
