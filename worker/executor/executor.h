// SPDX-License-Identifier: Apache-2.0
// The seam between the agent (gRPC, no torch) and what trains (torch, no gRPC).
#ifndef BITSWEEP_WORKER_EXECUTOR_EXECUTOR_H_
#define BITSWEEP_WORKER_EXECUTOR_EXECUTOR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/spec/transform_spec.h"
#include "core/spec/trial.h"

namespace bitsweep::worker {

// What a running job tells, and asks. Calls come from the slot's thread and must return at once.
class TrialObserver {
 public:
  virtual ~TrialObserver() = default;
  // True when the work should stop; asked every few batches, at least every 200 ms.
  virtual bool ShouldStop() = 0;
  // The data is loaded and work begins. `data_digest` is that of the bytes in use (empty: none
  // are), `train_rows` the rows of one epoch (0 for a transform). False: do not begin (as if
  // ShouldStop had said so).
  virtual bool OnStart(const std::string& data_digest, std::int64_t train_rows) = 0;
  // An epoch's training steps took so long, its evaluation not counted; OnEpoch follows.
  virtual void OnSteps(std::int64_t /*steps*/, double /*seconds*/) {}
  virtual void OnEpoch(const spec::EpochPoint& point) = 0;
};

// The observer asked to stop.
struct TrialStopped {};

struct TrialSuccess {
  spec::TrialResult result;  // artifact fields empty: the agent fills them
  std::string checkpoint;    // serialized (core/graph/checkpoint.h); empty when keep_model is false
};

using TrialOutcome = std::variant<TrialSuccess, spec::JobFailure, TrialStopped>;

// What one pass gave.
struct PassReport {
  std::string pass;  // "report_graph"
  std::string
      json;  // bitsweep.v1.PassResult, without position and seconds (worker/passes/passes.h)
  double seconds = 0;
};

struct TransformSuccess {
  std::vector<PassReport> passes;
  // Headlines of the last graph: of the last evaluate and count_ops after the last rewrite
  // (original_accuracy: of any evaluate).
  std::optional<double> accuracy, original_accuracy, loss, flops, bitops;
  std::optional<std::int64_t> size_bits;
  double seconds = 0;
  std::string data_digest;  // empty: no data was used
  std::string graph_name;
  std::int64_t parameter_count = 0;
  // Of the last graph, serialized; empty when no pass rewrote it, or keep_model is false.
  std::string checkpoint;
};

using TransformOutcome = std::variant<TransformSuccess, spec::JobFailure, TrialStopped>;

// Runs jobs. The outcome's numbers are a pure function of the spec, the initial checkpoint and the
// data. Thread-safe: called from as many threads at a time as there are slots, not always the same.
// Never throws.
class Executor {
 public:
  virtual ~Executor() = default;
  // `initial_checkpoint`: bytes of spec.model_artifact when that is set, else empty.
  virtual TrialOutcome Run(const spec::TrialSpec& spec, const std::string& initial_checkpoint,
                           TrialObserver& observer) = 0;
  // `initial_checkpoint`: bytes of work.model_artifact when that is set, else empty.
  virtual TransformOutcome RunTransform(const spec::TransformWork& work,
                                        const std::string& initial_checkpoint,
                                        TrialObserver& observer) = 0;
  // Engines it has, best first, for example {"libtorch 1.13.1"}.
  virtual std::vector<std::string> Engines() const = 0;
};

}  // namespace bitsweep::worker

#endif  // BITSWEEP_WORKER_EXECUTOR_EXECUTOR_H_
