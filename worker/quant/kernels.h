// SPDX-License-Identifier: Apache-2.0
// A kernel for each format; quantize.h dispatches to them. x and y: float32 [elements], row-major;
// they may be the same array. w: width, f: frac_width, m: mantissa bits, rint: to the nearest whole
// number, ties to even, M: largest |x| of a block, emin = -bias, emax = 2^exponent_width - 1 -
// bias. These are the formulas of Semantics::kCompatible; kExact, NaN, infinities and blocks are in
// docs/numerics.md, "Number formats".
#ifndef BITSWEEP_WORKER_QUANT_KERNELS_H_
#define BITSWEEP_WORKER_QUANT_KERNELS_H_

#include <span>

#include "absl/status/status.h"
#include "core/graph/number_format.h"
#include "core/graph/op.h"

namespace bitsweep::quant {

// integer.cc. clamp(rint(x 2^f), -2^(w-1), 2^(w-1) - 1) / 2^f; unsigned: between 0 and 2^w - 1;
// floor instead of rint where asked. Jacob et al. 2018.
void Integer(const graph::IntegerFormat& format, std::span<const float> x, std::span<float> y);
// The same with 2^(w-1) / (max |x| + 1e-9) of each row of `row` elements for 2^f.
void ScaleInteger(const graph::ScaleIntegerFormat& format, std::size_t row,
                  std::span<const float> x, std::span<float> y);

// binary_ternary.cc, by items of `item` elements (dimension 0). Bipolar: 1 where x >= 0, else -1;
// else mean |x| of the item where x > 0, else 0. Stochastic: where clamp((x + 1) / 2, 0, 1) >= u,
// with `uniforms` in [0, 1), one an element; else empty. Courbariaux et al. 2015.
void Binary(const graph::BinaryFormat& format, std::size_t item, std::span<const float> uniforms,
            std::span<const float> x, std::span<float> y);
// 1 where x > d, -1 where x < -d, else 0; d = 0.75 mean |x| of the item, or as TernaryFormat gives
// it; times the mean of the |x| above d where asked. Li and Liu 2016.
void Ternary(const graph::TernaryFormat& format, std::size_t item, std::span<const float> x,
             std::span<float> y);

// minifloat.cc. IEEE: e = clamp(floor(log2(|x| + 1e-9)), emin, emax), k = clamp(rint((|x| / 2^e -
// 1) 2^m), 0, 2^m - 1), sign(x) 2^e (1 + k / 2^m), below emin without the leading one. Denorm: e of
// ceil, k = clamp(rint(|x| / 2^e 2^m), 0, 2^m - 1), sign(x) 2^e k / 2^m. IEEE 754, narrowed.
void Minifloat(const graph::MinifloatFormat& format, std::span<const float> x, std::span<float> y);
// p = 0.1 x 2^emin: sign(x + p) 2^clamp(rint(log2(|x| + p)), emin, 2^(w-1) - 1 - bias). Miyashita
// et al. 2016.
void LogFormatKernel(const graph::LogFormat& format, std::span<const float> x, std::span<float> y);

// block_formats.cc: `shape` is blocked as graph::Blocks says; InvalidArgument for a rank that
// cannot be. e = clamp(ceil(log2(M)), emin, emax), k = clamp(rint((|x| + 1e-9) / 2^e 2^m), 0, 2^m -
// 1), sign(x) 2^e k / 2^m, m = w - 1. Darvish Rouhani et al. 2020 (MSFP).
absl::Status BlockFp(const graph::BlockFpFormat& format, const graph::Shape& shape,
                     std::span<const float> x, std::span<float> y);
// Minifloat (IEEE) with the block's bias clamp(floor(log2(M)), 0, 2^exponent_bias_width - 1). Fox
// et al. 2021.
absl::Status BlockMinifloat(const graph::BlockMinifloatFormat& format, const graph::Shape& shape,
                            std::span<const float> x, std::span<float> y);
// Log with the block's bias clamp(2^(w-1) - 1 - ceil(log2(M)), 0, 2^exponent_bias_width - 1).
absl::Status BlockLog(const graph::BlockLogFormat& format, const graph::Shape& shape,
                      std::span<const float> x, std::span<float> y);

// mx.cc: blocks along the last dimension, which must be a multiple of the block. e = ceil(log2(M)):
// clamp(rint(x / 2^e 2^(w-1)), -2^(w-1), 2^(w-1) - 1) / 2^(w-1) 2^e.
absl::Status Mxint(const graph::MxintFormat& format, const graph::Shape& shape,
                   std::span<const float> x, std::span<float> y);
// X = 2^(floor(log2(M)) - emax of an element): x / X to the nearest element, saturating, times X.
// OCP Microscaling Formats v1.0, 2023.
absl::Status Mxfp(const graph::MxfpFormat& format, const graph::Shape& shape,
                  std::span<const float> x, std::span<float> y);

}  // namespace bitsweep::quant

#endif  // BITSWEEP_WORKER_QUANT_KERNELS_H_
