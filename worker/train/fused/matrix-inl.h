// SPDX-License-Identifier: Apache-2.0
// Linear and Conv1d, forward and backward. Included once for each instruction set.
#if defined(BITSWEEP_WORKER_TRAIN_FUSED_MATRIX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BITSWEEP_WORKER_TRAIN_FUSED_MATRIX_INL_H_
#undef BITSWEEP_WORKER_TRAIN_FUSED_MATRIX_INL_H_
#else
#define BITSWEEP_WORKER_TRAIN_FUSED_MATRIX_INL_H_
#endif

#include <algorithm>

#include "worker/train/fused/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bitsweep::train::fused::HWY_NAMESPACE {

// How many sums are in registers at once: 16 of them hold 12 vectors of sums and what they need.
inline constexpr int kSums = kVectors == 4 ? 3 : kVectors == 2 ? 6 : 8;
inline constexpr int kOuterM = kVectors == 4 ? 2 : kVectors == 2 ? 3 : 4;
inline constexpr int kOuterC = kVectors == 4 ? 1 : kVectors == 2 ? 2 : 4;

// out[m] = start[m] + sum over taps of w[m step + tap.weight] x[tap.row], m < count.
struct Product {
  const float* w = nullptr;
  std::size_t w_step = 0;
  const Tap* taps = nullptr;
  std::size_t tap_count = 0;
  const float* start = nullptr;  // null: 0
  const float* x = nullptr;
  float* out = nullptr;
  std::size_t out_step = 0;  // floats between outputs
  std::size_t stride = 0;
  std::size_t groups = 0;
  bool has_relu = false;
  bool adds = false;  // to what `out` holds
};

template <int kCount>
void MultiplyRows(const Product& given) {
  const Product p = given;
  for (std::size_t g = 0; g < p.groups; ++g) {
    const float* HWY_RESTRICT x = p.x + g * kLanes;
    float* HWY_RESTRICT out = p.out + g * kLanes;
    Lanes sum[kCount];
    for (int m = 0; m < kCount; ++m) {
      sum[m] = p.adds ? Load(out + m * p.out_step) : All(p.start == nullptr ? 0.0F : p.start[m]);
    }
    for (std::size_t i = 0; i < p.tap_count; ++i) {
      const Lanes v = Load(x + p.taps[i].row * p.stride);
      const float* HWY_RESTRICT w = p.w + p.taps[i].weight;
      for (int m = 0; m < kCount; ++m) sum[m] = MulAdd(All(w[m * p.w_step]), v, sum[m]);
    }
    for (int m = 0; m < kCount; ++m) {
      Store(p.has_relu ? Relu(sum[m]) : sum[m], out + m * p.out_step);
    }
  }
}

template <int kCount>
void MultiplyAtMost(const Product& product, std::size_t count) {
  if constexpr (kCount > 0) {
    if (count == kCount) return MultiplyRows<kCount>(product);
    MultiplyAtMost<kCount - 1>(product, count);
  }
}

inline void Multiply(Product product, std::size_t outputs) {
  for (std::size_t m = 0; m < outputs; m += kSums) {
    MultiplyAtMost<kSums>(product, std::min<std::size_t>(kSums, outputs - m));
    product.w += kSums * product.w_step;
    product.out += kSums * product.out_step;
    if (product.start != nullptr) product.start += kSums;
  }
}

inline void MatrixForward(const Matrix& m, const float* parameters, const float* rounded,
                          const float* x, float* y, bool has_relu, std::size_t stride,
                          const Extent& extent) {
  Product product{.w = (m.is_weight_rounded ? rounded : parameters) + m.weight,
                  .w_step = std::size_t{m.inputs} * m.kernel,
                  .x = x,
                  .out_step = m.output_positions * stride,
                  .stride = stride,
                  .groups = extent.groups,
                  .has_relu = has_relu};
  if (m.bias >= 0) product.start = (m.is_bias_rounded ? rounded : parameters) + m.bias;
  for (std::size_t q = 0; q < m.output_positions; ++q) {
    product.taps = m.forward.data() + m.forward_begin[q];
    product.tap_count = m.forward_begin[q + 1] - m.forward_begin[q];
    product.out = y + q * stride;
    Multiply(product, m.outputs);
  }
}

// dx[c, p] = sum over (o, t) of w[o, c, t] dy[o, q]
inline void MatrixInputGradient(const Matrix& m, const float* parameters, const float* rounded,
                                const float* dy, float* dx, bool adds, std::size_t stride,
                                const Extent& extent) {
  Product product{.w = (m.is_weight_rounded ? rounded : parameters) + m.weight,
                  .w_step = m.kernel,
                  .x = dy,
                  .out_step = m.input_positions * stride,
                  .stride = stride,
                  .groups = extent.groups,
                  .adds = adds};
  for (std::size_t p = 0; p < m.input_positions; ++p) {
    product.taps = m.backward.data() + m.backward_begin[p];
    product.tap_count = m.backward_begin[p + 1] - m.backward_begin[p];
    product.out = dx + p * stride;
    Multiply(product, m.inputs);
  }
}

// Folds of dw[m, c] = sum over joined positions and samples of dy[m, q] x[c, p].
struct Outer {
  const Matrix::Joined* joined = nullptr;
  std::size_t joined_count = 0;
  const float* dy = nullptr;
  std::size_t dy_step = 0;  // floats between outputs
  const float* x = nullptr;
  std::size_t x_step = 0;  // floats between inputs
  std::size_t stride = 0;
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
  for (std::size_t j = 0; j < o.joined_count; ++j) {
    const float* HWY_RESTRICT dy = o.dy + o.joined[j].q * o.stride;
    const float* HWY_RESTRICT x = o.x + o.joined[j].p * o.stride;
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

inline void MatrixWeightGradient(const Matrix& m, const float* x, const float* dy, float* folds,
                                 float* dw, bool adds, std::size_t stride, const Extent& extent) {
  const std::size_t weights = std::size_t{m.outputs} * m.inputs * m.kernel;
  for (std::size_t t = 0; t < m.kernel; ++t) {
    Outer outer{.joined = m.joined.data() + m.joined_begin[t],
                .joined_count = m.joined_begin[t + 1] - m.joined_begin[t],
                .dy_step = m.output_positions * stride,
                .x_step = m.input_positions * stride,
                .stride = stride,
                .folds_m_step = std::size_t{4} * m.inputs * m.kernel,
                .folds_c_step = std::size_t{4} * m.kernel};
    for (std::size_t first = 0; first < m.outputs; first += kOuterM) {
      for (std::size_t c = 0; c < m.inputs; c += kOuterC) {
        outer.dy = dy + first * outer.dy_step;
        outer.x = x + c * outer.x_step;
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
