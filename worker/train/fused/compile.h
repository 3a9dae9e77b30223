// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_TRAIN_FUSED_COMPILE_H_
#define BITSWEEP_WORKER_TRAIN_FUSED_COMPILE_H_

#include "absl/status/statusor.h"
#include "core/graph/graph.h"
#include "worker/train/fused/program.h"

namespace bitsweep::train::fused {

// The program of a graph. Joins a relu with the linear, conv1d, batch norm or add that it alone
// reads, gives names instead of copies to view, flatten and output, rounds what is quantized before
// its use, and lets gradients whose lives do not meet share rows.
//
// Unimplemented, naming the node, for what the fused engine leaves to another: number formats other
// than integer, a module that two nodes call. Pure.
absl::StatusOr<Program> Compile(const graph::Graph& graph);

}  // namespace bitsweep::train::fused

#endif  // BITSWEEP_WORKER_TRAIN_FUSED_COMPILE_H_
