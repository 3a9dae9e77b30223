// SPDX-License-Identifier: Apache-2.0
// Sums of products over rows. Included once for each instruction set.
#if defined(BITSWEEP_WORKER_TRAIN_FUSED_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BITSWEEP_WORKER_TRAIN_FUSED_PRODUCT_INL_H_
#undef BITSWEEP_WORKER_TRAIN_FUSED_PRODUCT_INL_H_
#else
#define BITSWEEP_WORKER_TRAIN_FUSED_PRODUCT_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "worker/train/fused/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bitsweep::train::fused::HWY_NAMESPACE {

// How many sums are in registers at once: 16 of them hold 12 vectors of sums and what they need.
inline constexpr int kSums = kVectors == 4 ? 3 : kVectors == 2 ? 6 : 8;

// out[m] = start[m] + sum over taps of w[m w_step + weight] x[row], m < count.
struct Product {
  const float* w = nullptr;
  std::size_t w_step = 0;
  Taps taps;
  const float* start = nullptr;  // null: 0
  const float* x = nullptr;
  std::size_t stride = 0;  // floats between rows of x
  float* out = nullptr;
  std::size_t out_step = 0;  // floats between outputs
  std::size_t groups = 0;
  bool has_relu = false;
  bool adds = false;  // to what `out` holds
};

template <int kCount>
void MultiplyRows(const Product& given) {
  const Product p = given;
  const auto stride = static_cast<std::ptrdiff_t>(p.stride);
  const std::ptrdiff_t inner_x = p.taps.inner_row * stride;
  const std::ptrdiff_t outer_x = p.taps.outer_row * stride;
  const float* const first_x = p.x + p.taps.row * p.stride;
  for (std::size_t g = 0; g < p.groups; ++g) {
    float* HWY_RESTRICT out = p.out + g * kLanes;
    Lanes sum[kCount];
    for (int m = 0; m < kCount; ++m) {
      sum[m] = p.adds ? Load(out + m * p.out_step) : All(p.start == nullptr ? 0.0F : p.start[m]);
    }
    const float* outer = first_x + g * kLanes;
    const float* outer_w = p.w + p.taps.weight;
    for (std::uint32_t o = 0; o < p.taps.outer; ++o) {
      const float* HWY_RESTRICT x = outer;
      const float* HWY_RESTRICT w = outer_w;
      for (std::uint32_t i = 0; i < p.taps.inner; ++i) {
        const Lanes v = Load(x);
        const float* HWY_RESTRICT third = w + 3 * p.w_step;
        const float* HWY_RESTRICT sixth = third + 3 * p.w_step;
        for (int m = 0; m < kCount; ++m) {
          const float* from = m < 3 ? w : m < 6 ? third : sixth;
          sum[m] = MulAdd(All(from[m % 3 * p.w_step]), v, sum[m]);
        }
        x += inner_x;
        w += p.taps.inner_weight;
      }
      outer += outer_x;
      outer_w += p.taps.outer_weight;
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

// `outputs` in blocks of at most kSums, as equal as can be.
inline void Multiply(Product product, std::size_t outputs) {
  std::size_t blocks = (outputs + kSums - 1) / kSums;
  while (outputs > 0) {
    const std::size_t count = (outputs + blocks - 1) / blocks;
    MultiplyAtMost<kSums>(product, count);
    product.w += count * product.w_step;
    product.out += count * product.out_step;
    if (product.start != nullptr) product.start += count;
    outputs -= count;
    --blocks;
  }
}

}  // namespace bitsweep::train::fused::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
