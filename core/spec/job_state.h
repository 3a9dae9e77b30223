// SPDX-License-Identifier: Apache-2.0
// The states of a job and of a sweep, and the one table of what may follow what. The code, the
// CHECKs in SQL, docs/state_machine.md and an exhaustive test agree with it.
#ifndef BITSWEEP_CORE_SPEC_JOB_STATE_H_
#define BITSWEEP_CORE_SPEC_JOB_STATE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace bitsweep::spec {

enum class JobState {
  kQueued,     // waits for a worker (also: for the end of a retry's back-off)
  kLeased,     // handed to a worker that has not started it
  kRunning,    // a worker works on it
  kSucceeded,  // has its result
  kFailed,     // ended by an error that a further try would repeat
  kCancelled,  // ended by a person, or by the sweep's failure policy
  kDead,       // ended because its tries are used up, or it killed its worker twice
};
inline constexpr std::array kAllJobStates = {
    JobState::kQueued, JobState::kLeased,    JobState::kRunning, JobState::kSucceeded,
    JobState::kFailed, JobState::kCancelled, JobState::kDead};

// What happens to a job.
enum class JobEvent {
  kLease,    // a worker got it
  kStart,    // the worker began
  kSucceed,  // its result is stored
  kFail,     // ended by an error that is not retried
  kRequeue,  // lease expired or given back, or an error that is retried
  kDie,      // tries used up
  kCancel,   // cancelled by a person or policy
  kRetry,    // a person asked for it to be run again
};
inline constexpr std::array kAllJobEvents = {
    JobEvent::kLease,   JobEvent::kStart, JobEvent::kSucceed, JobEvent::kFail,
    JobEvent::kRequeue, JobEvent::kDie,   JobEvent::kCancel,  JobEvent::kRetry};

struct JobTransition {
  JobState from;
  JobEvent event;
  JobState to;
};

// Every legal transition; what is not in it is refused.
std::span<const JobTransition> JobTransitions();
// The state after `event`, or nothing when the table has no such row.
std::optional<JobState> Next(JobState from, JobEvent event);
bool IsTerminal(JobState state);

// "QUEUED", "LEASED", ...: as stored and as in the API without its prefix.
std::string_view Name(JobState state);
std::string_view Name(JobEvent event);  // "LEASE", "START", ...
std::optional<JobState> ParseJobState(std::string_view name);

// How many jobs of a sweep are in each state. planned = sum of all, at any moment.
struct JobCounts {
  std::int64_t queued = 0;
  std::int64_t leased = 0;
  std::int64_t running = 0;
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;
  std::int64_t cancelled = 0;
  std::int64_t dead = 0;

  std::int64_t& Of(JobState state);
  std::int64_t Of(JobState state) const;
  std::int64_t Planned() const;
  std::int64_t Terminal() const;
  bool operator==(const JobCounts&) const = default;
};

enum class SweepState {
  kQueued,              // nothing has started
  kRunning,             // something is or was under way, something is left
  kPaused,              // no further trial is handed out; those under way finish
  kSucceeded,           // every trial succeeded
  kPartiallySucceeded,  // all ended; some succeeded, some failed or died
  kFailed,              // all ended, none succeeded; or the failure policy stopped it
  kCancelled,           // a person cancelled it before all had ended
};
inline constexpr std::array kAllSweepStates = {SweepState::kQueued,
                                               SweepState::kRunning,
                                               SweepState::kPaused,
                                               SweepState::kSucceeded,
                                               SweepState::kPartiallySucceeded,
                                               SweepState::kFailed,
                                               SweepState::kCancelled};
std::string_view Name(SweepState state);
std::optional<SweepState> ParseSweepState(std::string_view name);

struct SweepFlags {
  bool paused = false;
  bool cancelled = false;          // a person cancelled it (and has not retried it since)
  bool stopped_by_policy = false;  // its failure policy did
};
// A sweep's state is never set: it is this function of its counters and flags.
SweepState DeriveSweepState(const JobCounts& counts, SweepFlags flags);

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_JOB_STATE_H_
