// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_PASSES_MODEL_SIZE_H_
#define BITSWEEP_WORKER_PASSES_MODEL_SIZE_H_

#include <cstdint>

#include "core/graph/graph.h"
#include "core/graph/number_format.h"
#include "worker/passes/count_ops.h"

namespace bitsweep::passes {

// Bits of a network as it is stored: every parameter and every float buffer (running_mean,
// running_var). A tensor with a number format takes elements * width + what its elements share
// (SharedBits); any other 32 bits an element. num_batches_tracked is not stored: inference does not
// use it. A module that several nodes call is stored once, in the format of the first of them.
std::int64_t SizeBits(const graph::Graph& graph);

// Bits that a tensor of this shape stores beside its elements: a block's exponent (block_fp:
// exponent_width), exponent bias (block_minifloat, block_log: exponent_bias_width) or scale (mxint,
// mxfp: 8), and the float32 scales of scale_integer (one a row), of binary {0, scale} and of scaled
// ternary (one an item of dimension 0).
std::int64_t SharedBits(const graph::NumberFormat& format, const graph::Shape& shape);

// The size formula of the lab report's author for float networks at assumed widths: weights of all
// modules at widths.weight, their biases at widths.bias, running_mean and num_batches_tracked at
// widths.data; running_var is not counted. JSC-Tiny: 96 w + 21 b + 17 d.
std::int64_t LabReportSizeBits(const graph::Graph& graph, const Widths& widths);

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_MODEL_SIZE_H_
