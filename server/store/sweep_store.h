// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_STORE_SWEEP_STORE_H_
#define BITSWEEP_SERVER_STORE_SWEEP_STORE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/store/records.h"

namespace bitsweep::store {

struct SubmitOutcome {
  SweepRecord sweep;
  bool deduplicated = false;  // an earlier request with this request_id had stored it
};

// Leases that a change ended: the scheduler tells their workers to stop.
struct ChangeOutcome {
  SweepRecord sweep;
  std::int64_t changed_trials = 0;
  std::vector<LeaseRef> revoked;
};

// Whether a list of trials has their epochs and attempts, as GetTrial has.
enum class TrialDetail { kBasic, kFull };

// How much of a sweep is done, for estimates. A trial's cost is max_epochs * (1 / batch_size +
// 0.004): the time of a small network's step is mostly the same whatever its rows, plus a little
// for each row.
struct WorkSummary {
  double finished_cost = 0;     // of trials that succeeded
  double finished_seconds = 0;  // what they took
  double open_cost = 0;         // of trials that have not ended
};

// Sweeps, their plans and their results, as people see them.
//
// Every change is one durable transaction: rows, counters, states and events together; when a call
// returns OK the change survives any crash. Thread-safe. Values in and out are copies. Errors:
// NotFound (SWEEP_NOT_FOUND, TRIAL_NOT_FOUND), AlreadyExists (ID_IN_USE, REQUEST_ID_REUSED),
// FailedPrecondition (INVALID_STATE), InvalidArgument (a field of a filter or order that does not
// exist), ResourceExhausted (STORE_FULL), Unavailable (closing). Time: methods never read a clock;
// `now` comes from the caller.
class SweepStore {
 public:
  virtual ~SweepStore() = default;

  // Stores the sweep and its whole plan. A known request_id with the same spec_digest gives the
  // stored sweep, whatever sweep_id is proposed now; with another digest REQUEST_ID_REUSED.
  virtual absl::StatusOr<SubmitOutcome> Submit(const NewSweep& sweep, absl::Time now) = 0;
  virtual absl::StatusOr<SweepRecord> GetSweep(const std::string& sweep_id) = 0;
  // Newest first. Filter fields: state, display_name, sweep_id, model, dataset.
  virtual absl::StatusOr<Page<SweepRecord>> ListSweeps(const PageQuery& query) = 0;

  // OK without an event when it is so already; INVALID_STATE when all trials have ended.
  virtual absl::StatusOr<SweepRecord> PauseSweep(const std::string& sweep_id, absl::Time now) = 0;
  virtual absl::StatusOr<SweepRecord> ResumeSweep(const std::string& sweep_id, absl::Time now) = 0;
  // Cancels every trial that has not ended. OK (0 trials) when it was cancelled already;
  // INVALID_STATE when all trials had ended by themselves.
  virtual absl::StatusOr<ChangeOutcome> CancelSweep(const std::string& sweep_id,
                                                    absl::Time now) = 0;
  // Queues trials in the given states (of FAILED, DEAD, CANCELLED) again: failures and worker
  // deaths start from 0, attempts go on counting, seeds stay. Lifts cancelled and
  // stopped_by_policy. No such trials: OK, nothing changes.
  virtual absl::StatusOr<ChangeOutcome> RetrySweep(const std::string& sweep_id,
                                                   const std::vector<spec::JobState>& states,
                                                   absl::Time now) = 0;
  // INVALID_STATE while any trial has not ended. Removes rows and models; artifacts without another
  // reference go later.
  virtual absl::Status DeleteSweep(const std::string& sweep_id, absl::Time now) = 0;

  // Order fields: number (natural), val_acc, val_loss, val_loss_batch_mean, train_acc_last_step,
  // best_val_acc, seconds (by mean over the repeats; without results last; ties by number).
  virtual absl::StatusOr<Page<ConfigurationRecord>> ListConfigurations(const std::string& sweep_id,
                                                                       const PageQuery& query) = 0;
  virtual absl::StatusOr<TrialRecord> GetTrial(const std::string& sweep_id,
                                               std::int64_t number) = 0;
  // Epochs and attempts where `detail` asks for them. Order fields: number (natural), val_acc,
  // val_loss, seconds. Filter fields: state, number,
  // configuration, repeat, attempt, val_acc, val_loss, worker, failure_reason and every
  // hyper-parameter.
  virtual absl::StatusOr<Page<TrialRecord>> ListTrials(const std::string& sweep_id,
                                                       const PageQuery& query,
                                                       TrialDetail detail) = 0;
  // Of a transform: a job costs 1.
  virtual absl::StatusOr<WorkSummary> SummarizeWork(SubmissionId submission) = 0;
  // Events of a sweep or transform after `revision`, oldest first, at most `limit`.
  virtual absl::StatusOr<std::vector<EventRecord>> EventsAfter(SubmissionId submission,
                                                               std::int64_t revision,
                                                               std::int64_t limit) = 0;
  // How many those are, counted up to `limit`.
  virtual absl::StatusOr<std::int64_t> CountEventsAfter(SubmissionId submission,
                                                        std::int64_t revision,
                                                        std::int64_t limit) = 0;
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_SWEEP_STORE_H_
