// SPDX-License-Identifier: Apache-2.0
#include "core/spec/job_state.h"

namespace bitsweep::spec {
namespace {

using enum JobState;
constexpr JobTransition kTable[] = {
    {kQueued, JobEvent::kLease, kLeased},       {kLeased, JobEvent::kStart, kRunning},
    {kRunning, JobEvent::kSucceed, kSucceeded}, {kLeased, JobEvent::kFail, kFailed},
    {kRunning, JobEvent::kFail, kFailed},       {kLeased, JobEvent::kRequeue, kQueued},
    {kRunning, JobEvent::kRequeue, kQueued},    {kLeased, JobEvent::kDie, kDead},
    {kRunning, JobEvent::kDie, kDead},          {kQueued, JobEvent::kCancel, kCancelled},
    {kLeased, JobEvent::kCancel, kCancelled},   {kRunning, JobEvent::kCancel, kCancelled},
    {kFailed, JobEvent::kRetry, kQueued},       {kCancelled, JobEvent::kRetry, kQueued},
    {kDead, JobEvent::kRetry, kQueued},
};

}  // namespace

std::span<const JobTransition> JobTransitions() { return kTable; }

std::optional<JobState> Next(JobState from, JobEvent event) {
  for (const JobTransition& row : kTable) {
    if (row.from == from && row.event == event) return row.to;
  }
  return std::nullopt;
}

bool IsTerminal(JobState state) {
  return state == kSucceeded || state == kFailed || state == kCancelled || state == kDead;
}

std::int64_t& JobCounts::Of(JobState state) {
  switch (state) {
    case kQueued:
      return queued;
    case kLeased:
      return leased;
    case kRunning:
      return running;
    case kSucceeded:
      return succeeded;
    case kFailed:
      return failed;
    case kCancelled:
      return cancelled;
    case kDead:
      break;
  }
  return dead;
}

std::int64_t JobCounts::Of(JobState state) const { return const_cast<JobCounts*>(this)->Of(state); }

std::int64_t JobCounts::Planned() const { return queued + leased + running + Terminal(); }

std::int64_t JobCounts::Terminal() const { return succeeded + failed + cancelled + dead; }

SweepState DeriveSweepState(const JobCounts& counts, SweepFlags flags) {
  if (counts.Terminal() == counts.Planned()) {
    if (flags.cancelled && counts.cancelled > 0) return SweepState::kCancelled;
    if (flags.stopped_by_policy) return SweepState::kFailed;
    if (counts.succeeded == counts.Planned()) return SweepState::kSucceeded;
    return counts.succeeded == 0 ? SweepState::kFailed : SweepState::kPartiallySucceeded;
  }
  if (flags.paused) return SweepState::kPaused;
  const bool untouched = counts.leased + counts.running + counts.Terminal() == 0;
  return untouched ? SweepState::kQueued : SweepState::kRunning;
}

}  // namespace bitsweep::spec
