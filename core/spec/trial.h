// SPDX-License-Identifier: Apache-2.0
// What a worker gets, what it reports and how it fails: plain values shared by server and worker.
#ifndef BITSWEEP_CORE_SPEC_TRIAL_H_
#define BITSWEEP_CORE_SPEC_TRIAL_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/spec/dataset_spec.h"
#include "core/spec/hyperparameters.h"
#include "core/spec/model_spec.h"
#include "core/spec/sweep_spec.h"

namespace bitsweep::spec {

// One training, complete: the result is a function of this and of the data's bytes.
struct TrialSpec {
  ModelSpec model;
  // Of model.stored: the artifact (SHA-256, hex) with its graph and tensors; else empty.
  std::string model_artifact;
  DatasetSpec dataset;
  Hyperparameters hyperparameters;
  std::uint64_t seed = 0;  // 63 bits
  EngineChoice engine = EngineChoice::kAuto;
  bool keep_model = true;                    // whether the worker uploads a checkpoint
  std::optional<QuantizeSpec> quantization;  // put on the graph before training
};

// Measured after each epoch. Accuracies are fractions in [0, 1]; losses are natural-log
// cross-entropy.
struct EpochPoint {
  std::int64_t epoch = 0;           // from 0
  double learning_rate = 0;         // in force during the epoch
  double train_loss = 0;            // mean of the batches' losses over the epoch
  double train_loss_last_step = 0;  // of the last batch, before its update
  double train_acc_last_step = 0;   // accuracy on the last batch, from the forward pass of its step
  double val_acc = 0;               // top-1 over all validation rows, eval mode
  double val_loss = 0;              // mean over validation rows (row-weighted)
  double val_loss_batch_mean =
      0;               // mean of batch means, each batch counting once (the report's tool)
  double seconds = 0;  // wall time of the epoch, not part of the result's identity

  bool operator==(const EpochPoint&) const = default;
};

// The outcome of a trial that ended well. The headline metrics are those of the last epoch.
struct TrialResult {
  double val_acc = 0;
  double val_loss = 0;
  double val_loss_batch_mean = 0;
  double train_acc_last_step = 0;
  double train_loss_last_step = 0;
  std::int64_t best_epoch = 0;  // the epoch with the highest val_acc, the earliest of equals
  double best_val_acc = 0;
  std::int64_t epochs = 0;
  std::int64_t steps = 0;       // optimizer steps
  std::int64_t train_rows = 0;  // rows of one epoch
  std::int64_t validation_rows = 0;
  double seconds = 0;          // training and evaluation, wall time
  double rows_per_second = 0;  // training rows over the time spent in training steps
  std::string engine;          // "libtorch"
  std::string engine_version;  // for example "libtorch 1.13.1"
  std::string data_digest;     // SHA-256, hex, of the data set as loaded
  // The checkpoint, when one was kept (empty otherwise), and what it holds.
  std::string artifact;
  std::int64_t artifact_bytes = 0;
  std::string graph_name;
  std::int64_t parameter_count = 0;
  Validation validation = Validation::kHeldOut;  // what the val_ metrics were measured on
};

enum class FailureReason {
  kException,  // an error nobody foresaw
  kNanLoss,    // the loss became NaN or infinite
  kOutOfMemory,
  kTimeout,
  kWorkerLost,       // the lease expired: the worker died or was cut off
  kDatasetNotFound,  // no such file below the worker's data root
  kInvalidDataset,   // ragged, NaN, missing column, class out of range, truncated, path outside the
                     // root
  kDatasetMismatch,  // not the bytes that other workers of this sweep have under this name
  kInvalidModel,     // the graph does not fit the data, or the checkpoint is bad
  kArtifactFailed,   // a checkpoint could not be fetched or stored
};
inline constexpr std::array kAllFailureReasons = {
    FailureReason::kException,      FailureReason::kNanLoss,
    FailureReason::kOutOfMemory,    FailureReason::kTimeout,
    FailureReason::kWorkerLost,     FailureReason::kDatasetNotFound,
    FailureReason::kInvalidDataset, FailureReason::kDatasetMismatch,
    FailureReason::kInvalidModel,   FailureReason::kArtifactFailed};
std::string_view Name(FailureReason reason);  // "EXCEPTION", "NAN_LOSS", ...
std::optional<FailureReason> ParseFailureReason(std::string_view name);

struct JobFailure {
  FailureReason reason = FailureReason::kException;
  std::string message;  // names file, row, column or value
};

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_TRIAL_H_
