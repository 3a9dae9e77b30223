// SPDX-License-Identifier: Apache-2.0
// Number formats computed: float32 in, the nearest values that a format can hold out.
#ifndef BITSWEEP_WORKER_QUANT_QUANTIZE_H_
#define BITSWEEP_WORKER_QUANT_QUANTIZE_H_

#include <span>

#include "absl/status/status.h"
#include "core/base/random.h"
#include "core/graph/number_format.h"
#include "core/graph/op.h"

namespace bitsweep::quant {

// What a format does to one tensor: y[i] is x[i] quantized. `shape` is the tensor's, batch
// included; x and y hold its elements row-major and may be the same array. float32 throughout;
// formulas and sources stand in docs/numerics.md, "Number formats", and above each kernel.
//
// Pure but for `random`, which only stochastic binary draws from (one NextFloat an element, in
// order); it may be null for every other format. Thread-safe. The same bits on every run. Blocks
// over dimension 0, zeros of block formats and given thresholds make rows depend on one another.
// InvalidArgument: a rank that the format cannot block, a last dimension that is not a multiple of
// an mx block, or stochastic binary without `random`; y is then untouched.
absl::Status Quantize(const graph::NumberFormat& format, const graph::Shape& shape,
                      std::span<const float> x, std::span<float> y, Random* random);

}  // namespace bitsweep::quant

#endif  // BITSWEEP_WORKER_QUANT_QUANTIZE_H_
