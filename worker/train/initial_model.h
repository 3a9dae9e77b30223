// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_TRAIN_INITIAL_MODEL_H_
#define BITSWEEP_WORKER_TRAIN_INITIAL_MODEL_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "core/graph/checkpoint.h"
#include "core/spec/model_spec.h"
#include "core/spec/quantize_spec.h"
#include "worker/data/dataset.h"

namespace bitsweep::train {

// The network that a job begins with: of a stored model (`has_artifact`) its checkpoint; else the
// graph, of a builtin with the data set's sizes (16 features and 5 classes without one), with
// initial tensors drawn from `seed`. InvalidArgument / DataLoss as those who make it.
absl::StatusOr<graph::Checkpoint> InitialModel(const spec::ModelSpec& model, bool has_artifact,
                                               const std::string& checkpoint,
                                               const data::Dataset* dataset, std::uint64_t seed);

// The same network with `quantization` put on it, when there is one.
absl::StatusOr<graph::Checkpoint> Quantized(graph::Checkpoint model,
                                            const std::optional<spec::QuantizeSpec>& quantization);

}  // namespace bitsweep::train

#endif  // BITSWEEP_WORKER_TRAIN_INITIAL_MODEL_H_
