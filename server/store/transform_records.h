// SPDX-License-Identifier: Apache-2.0
// What the store gives and takes of transforms: plain values.
#ifndef BITSWEEP_SERVER_STORE_TRANSFORM_RECORDS_H_
#define BITSWEEP_SERVER_STORE_TRANSFORM_RECORDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "core/base/ids.h"
#include "core/spec/job_state.h"
#include "core/spec/trial.h"
#include "server/store/records.h"

namespace bitsweep::store {

struct NewTransform {
  std::string transform_id;
  std::string display_name;
  std::string model;    // as in the request: "jsc-tiny", "models/m-1", "graph"
  std::string dataset;  // its name; empty: none
  std::string spec;     // the specification as JSON; the store does not look inside
  std::string spec_digest;
  std::string request_id;      // empty: none
  std::string model_artifact;  // of a stored model
  std::string parent_model;    // its id; empty: none
  std::int64_t seed = 0;
  std::int64_t priority = 0;
  std::int64_t max_parallel = 0;  // 0: no limit
  // One a job, in the plan's order: its values of the axes as JSON, for example
  // [{"entry":"weight_width","value":4}]; "[]" for the one job of a transform without axes.
  std::vector<std::string> assignments;
};

struct TransformRecord {
  SubmissionId row;
  std::string transform_id;
  std::string display_name;
  std::string spec;
  std::string spec_digest;
  std::string model_artifact;
  spec::JobCounts counts;
  spec::SweepFlags flags;
  spec::SweepState state = spec::SweepState::kQueued;
  std::int64_t job_count = 0;
  absl::Time create_time;
  std::optional<absl::Time> start_time;
  std::optional<absl::Time> end_time;
  std::string data_digest;    // empty until known
  std::int64_t revision = 0;  // of its latest event
};

// Headlines of a job, columns of transform_jobs.
struct TransformMetrics {
  std::optional<double> accuracy, original_accuracy, loss, flops, bitops;
  std::optional<std::int64_t> size_bits;
};

struct TransformJobRecord {
  JobId job;
  std::string transform_id;
  std::int64_t number = 0;
  std::string assignment;
  spec::JobState state = spec::JobState::kQueued;
  std::int64_t attempt = 0;
  std::string worker_id;
  std::optional<spec::JobFailure> failure;
  TransformMetrics metrics;
  bool pareto_optimal = false;  // among the transform's jobs that have accuracy and bitops
  double seconds = 0;
  std::string model_id;
  std::optional<absl::Time> start_time;
  std::optional<absl::Time> end_time;
  std::vector<std::string> results;  // one JSON text a pass, in order; only from GetTransformJob
};

// Rows beside the JSON of a pass, for SQL.
struct StatisticRow {
  std::string node, tensor, statistic, key;
  std::optional<double> value;  // unset: not defined, or a tensor (its numbers are in the JSON)
};
struct OpCountRow {
  std::string node;  // empty: the sum
  std::string convention;
  double flops = 0;
  double bitops = 0;
};
struct QuantizedTensorRow {
  std::string node, tensor, format;
  std::int64_t width = 0, elements = 0, distinct = 0, saturated = 0, flushed_to_zero = 0;
  double step = 0, max_abs_error = 0, mean_abs_error = 0;
  double sqnr_db = 0;  // may be infinite
};
struct PassResultRecord {
  std::string pass;    // "count_ops"
  std::string result;  // JSON
  double seconds = 0;
  std::vector<StatisticRow> statistics;
  std::vector<OpCountRow> op_counts;
  std::vector<QuantizedTensorRow> quantized_tensors;
};

// The outcome of a transform's job that ended well.
struct TransformOutcome {
  std::vector<PassResultRecord> passes;
  TransformMetrics metrics;
  double seconds = 0;
  std::string data_digest;  // empty: no data was used
  // The last graph's checkpoint when it is to be kept (empty otherwise), and what it holds.
  std::string artifact;
  std::int64_t artifact_bytes = 0;
  std::string graph_name;
  std::int64_t parameter_count = 0;
};

// A model that a user brought.
struct NewModel {
  std::string model_id;
  std::string display_name;
  std::string artifact;
  std::int64_t size_bytes = 0;
  std::string graph_name;
  std::int64_t parameter_count = 0;
};

}  // namespace bitsweep::store

#endif  // BITSWEEP_SERVER_STORE_TRANSFORM_RECORDS_H_
