// SPDX-License-Identifier: Apache-2.0
// A kernel for each format; quantize.h dispatches to them. x and y may be the same array.
#ifndef BITSWEEP_WORKER_QUANT_KERNELS_H_
#define BITSWEEP_WORKER_QUANT_KERNELS_H_

#include <span>

#include "absl/status/status.h"
#include "core/graph/number_format.h"
#include "core/graph/op.h"

namespace bitsweep::quant {

// integer.cc
void Integer(const graph::IntegerFormat& format, std::span<const float> x, std::span<float> y);
// By rows of `row` elements.
void ScaleInteger(const graph::ScaleIntegerFormat& format, std::size_t row,
                  std::span<const float> x, std::span<float> y);

// binary_ternary.cc: by items of `item` elements (dimension 0). `uniforms` in [0, 1), one an
// element, for stochastic formats; else empty.
void Binary(const graph::BinaryFormat& format, std::size_t item, std::span<const float> uniforms,
            std::span<const float> x, std::span<float> y);
void Ternary(const graph::TernaryFormat& format, std::size_t item, std::span<const float> x,
             std::span<float> y);

// minifloat.cc
void Minifloat(const graph::MinifloatFormat& format, std::span<const float> x, std::span<float> y);
void LogFormatKernel(const graph::LogFormat& format, std::span<const float> x, std::span<float> y);

// block_formats.cc
absl::Status BlockFp(const graph::BlockFpFormat& format, const graph::Shape& shape,
                     std::span<const float> x, std::span<float> y);
absl::Status BlockMinifloat(const graph::BlockMinifloatFormat& format, const graph::Shape& shape,
                            std::span<const float> x, std::span<float> y);
absl::Status BlockLog(const graph::BlockLogFormat& format, const graph::Shape& shape,
                      std::span<const float> x, std::span<float> y);

// mx.cc: the last dimension must be a multiple of the block.
absl::Status Mxint(const graph::MxintFormat& format, const graph::Shape& shape,
                   std::span<const float> x, std::span<float> y);
absl::Status Mxfp(const graph::MxfpFormat& format, const graph::Shape& shape,
                  std::span<const float> x, std::span<float> y);

}  // namespace bitsweep::quant

#endif  // BITSWEEP_WORKER_QUANT_KERNELS_H_
