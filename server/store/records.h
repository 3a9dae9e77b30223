// SPDX-License-Identifier: Apache-2.0
// What the store gives and takes: plain values.
#ifndef BITSWEEP_SERVER_STORE_RECORDS_H_
#define BITSWEEP_SERVER_STORE_RECORDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "core/base/ids.h"
#include "core/spec/job_state.h"
#include "core/spec/plan.h"
#include "core/spec/sweep_spec.h"
#include "core/spec/trial.h"

namespace bitsweep::store {

// One attempt at one job: `attempt` is the fencing token.
struct LeaseRef {
  JobId job;
  std::int64_t attempt = 0;
  auto operator<=>(const LeaseRef&) const = default;
};

// What a user can submit: a sweep's jobs are trials, a transform's run passes.
enum class SubmissionKind { kSweep, kTransform };

struct NewSweep {
  std::string sweep_id;
  spec::SweepSpec spec;
  spec::Plan plan;             // ExpandPlan(spec)
  std::string request_id;      // empty: none
  std::string spec_digest;     // SpecDigest(spec)
  std::string model_artifact;  // of spec.model.stored
};

struct SweepRecord {
  SubmissionId row;
  std::string sweep_id;
  spec::SweepSpec spec;
  std::string spec_digest;
  spec::JobCounts counts;
  spec::SweepFlags flags;
  spec::SweepState state = spec::SweepState::kQueued;
  std::int64_t configuration_count = 0;
  std::int64_t trial_count = 0;
  std::vector<std::string> varying;
  absl::Time create_time;
  std::optional<absl::Time> start_time;
  std::optional<absl::Time> end_time;
  std::string data_digest;    // empty until the first start
  std::int64_t revision = 0;  // of its latest event
};

struct MetricSummary {
  std::int64_t n = 0;
  double mean = 0;
  std::optional<double> sd;  // sample standard deviation; unset for n < 2
  double min = 0;
  double max = 0;
};

struct ConfigurationRecord {
  std::int64_t number = 0;
  spec::Hyperparameters hyperparameters;
  spec::JobCounts counts;
  MetricSummary val_acc, val_loss, val_loss_batch_mean, train_acc_last_step, best_val_acc, seconds,
      rows_per_second;
};

struct AttemptRecord {
  std::int64_t number = 0;
  std::string worker_id;
  absl::Time lease_time;
  std::optional<absl::Time> start_time;
  std::optional<absl::Time> end_time;
  std::string outcome;  // SUCCEEDED, FAILED, LEASE_EXPIRED, RELEASED, CANCELLED; empty while open
  std::optional<spec::JobFailure> failure;
};

struct TrialRecord {
  JobId job;
  std::string sweep_id;
  std::int64_t number = 0;
  std::int64_t configuration = 0;
  std::int64_t repeat = 0;
  spec::Hyperparameters hyperparameters;
  std::uint64_t seed = 0;
  spec::JobState state = spec::JobState::kQueued;
  std::int64_t attempt = 0;
  std::string worker_id;
  std::int64_t epochs_done = 0;
  std::optional<spec::JobFailure> failure;
  std::optional<spec::TrialResult> result;
  std::string model_id;
  std::optional<absl::Time> start_time;
  std::optional<absl::Time> end_time;
  std::vector<spec::EpochPoint> epochs;  // only from GetTrial
  std::vector<AttemptRecord> attempts;   // only from GetTrial
};

struct EventRecord {
  std::int64_t revision = 0;
  std::int64_t trial = -1;  // number; -1: an event of the sweep itself
  std::optional<spec::JobState> from;
  std::optional<spec::JobState> to;
  std::int64_t attempt = 0;
  std::string worker_id;
  std::string actor;  // who: a worker, "user", "scheduler", "policy"
  std::string cause;  // why; SUBMITTED, PAUSED, RESUMED, ... for the sweep itself
  absl::Time time;
};

struct ModelRecord {
  std::string model_id;
  std::string display_name;  // of an imported one
  std::string sweep_id;      // the trial that made it; empty: none did
  std::int64_t trial = 0;
  std::string transform_id;  // the transform's job that made it; empty: none did
  std::int64_t job = 0;
  std::string parent_model;  // the model that it was made from; empty: none, or it is gone
  std::string graph_name;
  std::int64_t parameter_count = 0;
  std::string artifact;  // SHA-256, hex
  std::int64_t size_bytes = 0;
  std::optional<double> val_acc;
  absl::Time create_time;
};

struct ArtifactRecord {
  std::string sha256;
  std::int64_t size_bytes = 0;
  absl::Time create_time;
};

struct WorkerRecord {
  std::string worker_id;
  std::string instance_id;
  std::int64_t slots = 0;
  std::string host;
  std::string version;
  std::vector<std::string> engines;
  absl::Time register_time;
  absl::Time last_seen_time;
  std::int64_t completed = 0;
  std::int64_t failed = 0;
};

// A filter is a conjunction of these. Which fields exist is the query's to say; an unknown one is
// InvalidArgument.
enum class Comparison { kEqual, kNotEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };
struct Condition {
  std::string field;
  Comparison comparison = Comparison::kEqual;
  std::variant<std::string, double> value;
};

// Keyset paging: `after` is where the page before ended. `key` is unset for rows that have no value
// of the order's field (they come last).
struct Cursor {
  std::optional<double> key;
  std::int64_t id = 0;
};
enum class Direction { kAscending, kDescending };
struct PageQuery {
  std::vector<Condition> conditions;
  std::string order_field;  // empty: the natural order
  Direction direction = Direction::kAscending;
  std::optional<Cursor> after;
  std::int64_t limit = 50;
};
template <typename T>
struct Page {
  std::vector<T> items;
  std::optional<Cursor> next;  // unset on the last page
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_RECORDS_H_
