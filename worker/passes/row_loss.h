// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_PASSES_ROW_LOSS_H_
#define BITSWEEP_WORKER_PASSES_ROW_LOSS_H_

#include <cstdint>
#include <span>

namespace bitsweep::passes {

// Top-1: the first of the highest outputs. REQUIRES: not empty.
std::int64_t ArgMax(std::span<const float> outputs);

// Cross-entropy of one row on the model's outputs o (no activation is added), natural logarithm, in
// 64 bits: log(sum_j exp(o_j - max o)) - (o_label - max o).
double CrossEntropy(std::span<const float> outputs, std::int32_t label);

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_ROW_LOSS_H_
