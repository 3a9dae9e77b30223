// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_QUEUE_STORE_H_
#define BITSWEEP_SERVER_STORE_QUEUE_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/spec/retry_policy.h"
#include "server/store/records.h"

namespace bitsweep::store {

// A sweep or transform that has jobs to lease now and is not paused: what the queue policy chooses
// among.
struct QueueSource {
  SubmissionId submission;
  std::string name;  // "sweeps/lab-1", "transforms/t-1"
  std::int64_t priority = 0;
  std::int64_t queued = 0;        // ready: not in back-off
  std::int64_t in_flight = 0;     // leased or running
  std::int64_t max_parallel = 0;  // 0: no limit
};

// "Lease up to `count` jobs of `submission` to `worker_id`."
struct Allocation {
  SubmissionId submission;
  std::string worker_id;
  std::int64_t count = 0;
};

// What a transform's job is made from.
struct TransformJobSpec {
  std::string spec;        // NewTransform::spec
  std::string assignment;  // NewTransform::assignments
  std::string model_artifact;
};

struct LeasedJob {
  LeaseRef ref;
  std::string worker_id;
  SubmissionId submission;
  std::string submission_name;  // "sweeps/lab-1", "transforms/t-1"
  std::int64_t number = 0;
  absl::Time queued_since;  // submit, or the latest return to the queue
  std::variant<spec::TrialSpec, TransformJobSpec> work;
  std::string expected_data_digest;
};

// A lease as found in the rows, when the server starts.
struct ActiveLease {
  LeaseRef ref;
  std::string worker_id;
  SubmissionId submission;
  std::string submission_name;
  std::int64_t number = 0;
  spec::JobState state = spec::JobState::kLeased;
};

struct ProgressReport {
  LeaseRef ref;
  bool started = false;
  std::string data_digest;
  std::vector<spec::EpochPoint> points;
};
enum class ProgressVerdict { kContinue, kLost, kCancelled, kDataMismatch, kInvalid };
struct ProgressOutcome {
  ProgressVerdict verdict = ProgressVerdict::kContinue;
  std::string detail;  // of kDataMismatch: both digests; of kInvalid: why
};

struct CompleteOutcome {
  bool repeated = false;          // it had been committed before
  bool submission_ended = false;  // no job of the sweep or transform is open any more
};

struct FailOutcome {
  spec::JobState state = spec::JobState::kFailed;  // now
  std::optional<absl::Time> ready_time;            // when kQueued: the end of the back-off
  std::int64_t worker_deaths = 0;                  // of all its attempts
  // By the sweep's failure policy: how many trials it cancelled, and the leases among them.
  std::int64_t cancelled_trials = 0;
  std::vector<LeaseRef> revoked;
  bool repeated = false;          // it had been committed before
  bool submission_ended = false;  // no job of the sweep or transform is open any more
};

// The queue: what the scheduler asks. Same promises as SweepStore.
//
// Fencing: every write by a worker names the attempt it was leased with; when that is not the
// current one, or the job is not leased or running, nothing is written and the answer says so
// (LEASE_LOST). Repeating a write that was committed is OK and changes nothing.
class QueueStore {
 public:
  virtual ~QueueStore() = default;

  virtual absl::StatusOr<std::vector<QueueSource>> Sources(absl::Time now) = 0;
  // Moves ready jobs (back-off over at `now`) to LEASED, one attempt row and one event each: in
  // plan order, those that were in back-off after the others. Fewer, or none, when there are no
  // more.
  virtual absl::StatusOr<std::vector<LeasedJob>> Lease(const std::vector<Allocation>& allocations,
                                                       absl::Time now) = 0;
  // The earliest end of a back-off after `now`, if any.
  virtual absl::StatusOr<std::optional<absl::Time>> NextReadyTime(absl::Time now) = 0;
  // Ends all back-offs: called once at start, so that no stamp of an earlier clock holds a job
  // back.
  virtual absl::Status EndBackoffs() = 0;
  virtual absl::StatusOr<std::vector<ActiveLease>> ActiveLeases() = 0;

  // Starts (LEASED -> RUNNING) and epochs. One outcome a report, in order. The first digest of a
  // sweep is recorded; another one is kDataMismatch, an epoch that cannot be is kInvalid: nothing
  // of that report is stored, the others are.
  virtual absl::StatusOr<std::vector<ProgressOutcome>> Progress(
      const std::vector<ProgressReport>& reports, absl::Time now) = 0;
  // -> SUCCEEDED, with result and model (by the sweep's keep_models). Aborted / LEASE_LOST when
  // fenced; InvalidArgument / INCOMPLETE_RESULT when an epoch is missing, a metric is not finite or
  // the digest is not the sweep's; FailedPrecondition / ARTIFACT_MISSING when the artifact is not
  // stored.
  virtual absl::StatusOr<CompleteOutcome> Complete(const LeaseRef& ref,
                                                   const std::vector<spec::EpochPoint>& points,
                                                   const spec::TrialResult& result,
                                                   absl::Time now) = 0;
  // An attempt ended without a result: DecideRetry says what follows. Aborted / LEASE_LOST when
  // fenced.
  virtual absl::StatusOr<FailOutcome> Fail(const LeaseRef& ref, const spec::JobFailure& failure,
                                           const spec::RetryLimits& limits, absl::Time now) = 0;
  // Given back unharmed: -> QUEUED, not counted as a failure. Returns how many were (fenced ones
  // are not).
  virtual absl::StatusOr<std::int64_t> Release(const std::vector<LeaseRef>& refs,
                                               const std::string& cause, absl::Time now) = 0;
  // Leases that were not renewed. RUNNING: a failure of reason WORKER_LOST; LEASED: back to the
  // queue unharmed. One outcome a lease; none when it was not held any more: nothing happened.
  virtual absl::StatusOr<std::vector<std::optional<FailOutcome>>> Expire(
      const std::vector<LeaseRef>& refs, const spec::RetryLimits& limits, absl::Time now) = 0;

  // PauseQueue / ResumeQueue: survives a restart.
  virtual absl::Status SetQueuePaused(bool paused, absl::Time now) = 0;
  virtual absl::StatusOr<bool> IsQueuePaused() = 0;

  // The job that a name names: "sweeps/{sweep}/trials/{n}" or "transforms/{transform}/jobs/{n}".
  // NotFound / TRIAL_NOT_FOUND, TRANSFORM_JOB_NOT_FOUND; InvalidArgument for another form.
  virtual absl::StatusOr<JobId> FindJob(const std::string& job_name) = 0;
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_QUEUE_STORE_H_
