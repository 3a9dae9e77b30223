// SPDX-License-Identifier: Apache-2.0
// The one place where jobs and sweeps change state. Called inside a writer's operation; throws
// SqliteError.
#ifndef BITSWEEP_SERVER_STORE_SQLITE_TRANSITIONS_H_
#define BITSWEEP_SERVER_STORE_SQLITE_TRANSITIONS_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/store/records.h"
#include "server/store/sqlite/connection.h"

namespace bitsweep::store {

// A job as its queue row has it.
struct JobRow {
  JobId job;
  SubmissionKind kind = SubmissionKind::kSweep;
  SubmissionId submission;
  std::int64_t number = 0;
  spec::JobState state = spec::JobState::kQueued;
  std::int64_t attempt = 0;
  std::int64_t failures = 0;
  std::int64_t worker_deaths = 0;
  std::string worker_id;
};
std::optional<JobRow> LoadJob(Connection& db, JobId job);

// Whether `job` is held by the attempt that `ref` names.
bool IsHeldBy(const JobRow& job, const LeaseRef& ref);

struct Transition {
  spec::JobEvent event;
  std::string_view actor;
  std::string_view cause;
  std::int64_t not_before = 0;  // with kRequeue: end of the back-off, micros
};

// Moves the job by the table of core/spec/job_state.h and writes the event; Internal when the table
// has no such row. `job.state` follows. Counters and the trial's copy follow by trigger.
absl::Status Move(Connection& db, JobRow& job, const Transition& transition, absl::Time now);
// The same for transitions that follow one another at once: an event each, one change of the row.
absl::Status Move(Connection& db, JobRow& job, std::span<const Transition> transitions,
                  absl::Time now);

// Ends the open attempt of a job; `starts_now`: it was not known to have started.
void EndAttempt(Connection& db, const LeaseRef& ref, std::string_view outcome,
                const std::optional<spec::JobFailure>& failure, absl::Time now,
                bool starts_now = false);

// Cancels every job of the submission that has not ended. Returns how many; `revoked` gets those
// that were held.
std::int64_t CancelAll(Connection& db, SubmissionId submission, std::string_view actor,
                       std::string_view cause, absl::Time now, std::vector<LeaseRef>& revoked);

// Writes an event of the sweep or transform itself.
void SubmissionEvent(Connection& db, SubmissionId submission, std::string_view actor,
                     std::string_view cause, absl::Time now);

// Derives state, start, end and revision of a sweep or transform from its counters and flags;
// `has_started`: a job has, though it may be back in the queue.
void RefreshSubmission(Connection& db, SubmissionId submission, absl::Time now,
                       bool has_started = false);
// Whether all its jobs have ended.
bool HasEnded(Connection& db, SubmissionId submission);

// Rows of a new submission: its id, its counters with `jobs` QUEUED.
SubmissionId InsertSubmission(Connection& db, SubmissionKind kind, std::int64_t jobs);
// The id that the next job gets: jobs of a submission follow one another.
std::int64_t NextJob(Connection& db);

// "sweeps" or "transforms".
std::string_view TableOf(SubmissionKind kind);
// The sweep's or transform's name: "sweeps/lab-1"; empty when it is gone.
std::string NameOf(Connection& db, SubmissionId submission);

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SQLITE_TRANSITIONS_H_
