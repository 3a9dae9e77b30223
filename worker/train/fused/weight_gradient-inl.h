// SPDX-License-Identifier: Apache-2.0
// Gradients of the parameters of Linear and Conv1d. Included once for each instruction set.
#if defined(BITSWEEP_WORKER_TRAIN_FUSED_WEIGHT_GRADIENT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BITSWEEP_WORKER_TRAIN_FUSED_WEIGHT_GRADIENT_INL_H_
#undef BITSWEEP_WORKER_TRAIN_FUSED_WEIGHT_GRADIENT_INL_H_
#else
#define BITSWEEP_WORKER_TRAIN_FUSED_WEIGHT_GRADIENT_INL_H_
#endif

#include <algorithm>

#include "worker/train/fused/elementwise-inl.h"
#include "worker/train/fused/lanes-inl.h"
#include "worker/train/fused/product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bitsweep::train::fused::HWY_NAMESPACE {

// Outputs and inputs whose products are in registers at once.
inline constexpr int kOuterM = kVectors == 4 ? 2 : kVectors == 2 ? 3 : 4;
inline constexpr int kOuterC = kVectors == 4 ? 1 : kVectors == 2 ? 2 : 4;

// Folds of dw[m, c] = sum over joined positions and samples of dy[m, q] x[c, p].
struct Outer {
  std::size_t joined = 0;     // positions
  const float* dy = nullptr;  // at the first of them
  std::size_t dy_step = 0;    // floats between outputs
  std::size_t dy_next = 0;    // floats between positions
  const float* x = nullptr;
  std::size_t x_step = 0;  // floats between inputs
  std::size_t x_next = 0;
  float* folds = nullptr;        // 4 floats each
  std::size_t folds_m_step = 0;  // floats between outputs
  std::size_t folds_c_step = 0;  // floats between inputs
};

template <int kM, int kC>
void OuterBlock(const Outer& given, const Extent& extent) {
  const Outer o = given;
  Lanes sum[kM][kC];
  for (int m = 0; m < kM; ++m) {
    for (int c = 0; c < kC; ++c) sum[m][c] = All(0);
  }
  const float* HWY_RESTRICT dy = o.dy;
  const float* HWY_RESTRICT x = o.x;
  for (std::size_t j = 0; j < o.joined; ++j, dy += o.dy_next, x += o.x_next) {
    for (std::size_t g = 0; g < extent.full; ++g) {
      Lanes left[kM];
      for (int m = 0; m < kM; ++m) left[m] = Load(dy + m * o.dy_step + g * kLanes);
      for (int c = 0; c < kC; ++c) {
        const Lanes right = Load(x + c * o.x_step + g * kLanes);
        for (int m = 0; m < kM; ++m) sum[m][c] = MulAdd(left[m], right, sum[m][c]);
      }
    }
    if (extent.rest > 0) {
      const std::size_t at = extent.full * kLanes;
      Lanes left[kM];
      for (int m = 0; m < kM; ++m) left[m] = FirstLanes(Load(dy + m * o.dy_step + at), extent.rest);
      for (int c = 0; c < kC; ++c) {
        const Lanes right = FirstLanes(Load(x + c * o.x_step + at), extent.rest);
        for (int m = 0; m < kM; ++m) sum[m][c] = MulAdd(left[m], right, sum[m][c]);
      }
    }
  }
  for (int m = 0; m < kM; ++m) {
    for (int c = 0; c < kC; ++c) {
      hn::Store(Fold(sum[m][c]), kTag4, o.folds + m * o.folds_m_step + c * o.folds_c_step);
    }
  }
}

template <int kM, int kC>
void OuterAtMost(const Outer& outer, std::size_t m, std::size_t c, const Extent& extent) {
  if constexpr (kM > 0 && kC > 0) {
    if (m < kM) return OuterAtMost<kM - 1, kC>(outer, m, c, extent);
    if (c < kC) return OuterAtMost<kM, kC - 1>(outer, m, c, extent);
    OuterBlock<kM, kC>(outer, extent);
  }
}

// out[i] (+)= the sum of fold i.
inline void StoreSums(const float* folds, std::size_t count, float* out, bool adds) {
  const auto four = [&](std::size_t i) {
    const auto fold = [&](std::size_t k) { return hn::Load(kTag4, folds + 4 * (i + k)); };
    return SumFolds(fold(0), fold(1), fold(2), fold(3));
  };
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const Vector4 sums = four(i);
    hn::StoreU(adds ? hn::Add(hn::LoadU(kTag4, out + i), sums) : sums, kTag4, out + i);
  }
  if (i == count) return;
  alignas(16) float last[4];
  hn::Store(four(i), kTag4, last);  // the scratch has room for whole fours
  for (std::size_t k = 0; i + k < count; ++k) out[i + k] = adds ? out[i + k] + last[k] : last[k];
}

// Of few samples and one position: the samples are what is summed over, one after another, and the
// inputs what lies in lanes, so that nothing is left to fold. x is turned for it: [sample, input].
inline void FewSamplesWeightGradient(const Matrix& m, const float* x, const float* dy,
                                     float* scratch, float* dw, bool adds, std::size_t stride,
                                     const Extent& extent) {
  const std::size_t width = (m.inputs + kLanes - 1) / kLanes * kLanes;
  float* const turned = scratch;
  float* const sums = scratch + extent.groups * kLanes * width;
  for (std::size_t c = 0; c < m.inputs; c += 4) {
    const float* rows[4];
    for (std::size_t k = 0; k < 4; ++k)
      rows[k] = x + std::min<std::size_t>(c + k, m.inputs - 1) * stride;
    for (std::size_t i = 0; i < extent.samples; i += 4) {
      Transpose4(rows, turned + i * width + c, width);
      for (const float*& row : rows) row += 4;
    }
  }
  Multiply({.w = dy,
            .w_step = stride,
            .taps = {.outer = 1,
                     .inner = static_cast<std::uint32_t>(extent.samples),
                     .inner_row = 1,
                     .inner_weight = 1},
            .x = turned,
            .stride = width,
            .out = sums,
            .out_step = width,
            .groups = width / kLanes},
           m.outputs);
  for (std::size_t o = 0; o < m.outputs; ++o) {
    float* to = dw + o * m.inputs;
    const float* from = sums + o * width;
    if (adds) {
      for (std::size_t c = 0; c < m.inputs; ++c) to[c] += from[c];
    } else {
      std::copy(from, from + m.inputs, to);
    }
  }
}

inline void MatrixWeightGradient(const Matrix& m, const float* x, const float* dy, float* folds,
                                 float* dw, bool adds, std::size_t stride, const Extent& extent) {
  if (m.HasFewSamples(extent.samples)) {
    FewSamplesWeightGradient(m, x, dy, folds, dw, adds, stride, extent);
    return;
  }
  const std::size_t weights = std::size_t{m.outputs} * m.inputs * m.kernel;
  for (std::size_t t = 0; t < m.kernel; ++t) {
    const Matrix::Joined& joined = m.joined[t];
    Outer outer{.joined = joined.count,
                .dy_step = m.output_positions * stride,
                .dy_next = stride,
                .x_step = m.input_positions * stride,
                .x_next = m.stride * stride,
                .folds_m_step = std::size_t{4} * m.inputs * m.kernel,
                .folds_c_step = std::size_t{4} * m.kernel};
    for (std::size_t first = 0; first < m.outputs; first += kOuterM) {
      for (std::size_t c = 0; c < m.inputs; c += kOuterC) {
        outer.dy = dy + first * outer.dy_step + joined.q * stride;
        outer.x = x + c * outer.x_step + joined.p * stride;
        outer.folds = folds + first * outer.folds_m_step + c * outer.folds_c_step + 4 * t;
        OuterAtMost<kOuterM, kOuterC>(outer, m.outputs - first, m.inputs - c, extent);
      }
    }
  }
  StoreSums(folds, weights, dw, adds);
}

// dy becomes 0 where the relu let nothing through; db[m] (+)= sum of dy[m] over positions, samples.
inline void MatrixBiasGradient(const Matrix& m, const float* y, float* dy, bool has_relu,
                               float* folds, float* db, bool adds, std::size_t stride,
                               const Extent& extent) {
  if (!has_relu && db == nullptr) return;
  for (std::size_t o = 0; o < m.outputs; ++o) {
    Lanes sum = All(0);
    for (std::size_t q = 0; q < m.output_positions; ++q) {
      const std::size_t row = (o * m.output_positions + q) * stride;
      for (std::size_t g = 0; g < extent.groups; ++g) {
        Lanes d = Load(dy + row + g * kLanes);
        if (has_relu) {
          d = WherePositive(Load(y + row + g * kLanes), d);
          Store(d, dy + row + g * kLanes);
        }
        sum = sum + (g < extent.full ? d : FirstLanes(d, extent.rest));
      }
    }
    hn::Store(Fold(sum), kTag4, folds + 4 * o);
  }
  if (db != nullptr) StoreSums(folds, m.outputs, db, adds);
}

}  // namespace bitsweep::train::fused::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
