// SPDX-License-Identifier: Apache-2.0
// Linear and Conv1d: forward, and the gradient of their input. Included once for each instruction
// set.
#if defined(BITSWEEP_WORKER_TRAIN_FUSED_MATRIX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BITSWEEP_WORKER_TRAIN_FUSED_MATRIX_INL_H_
#undef BITSWEEP_WORKER_TRAIN_FUSED_MATRIX_INL_H_
#else
#define BITSWEEP_WORKER_TRAIN_FUSED_MATRIX_INL_H_
#endif

#include "worker/train/fused/lanes-inl.h"
#include "worker/train/fused/product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bitsweep::train::fused::HWY_NAMESPACE {

inline void MatrixForward(const Matrix& m, const float* parameters, const float* rounded,
                          const float* x, float* y, bool has_relu, std::size_t stride,
                          const Extent& extent) {
  Product product{.w = (m.is_weight_rounded ? rounded : parameters) + m.weight,
                  .w_step = std::size_t{m.inputs} * m.kernel,
                  .x = x,
                  .stride = stride,
                  .out_step = m.output_positions * stride,
                  .groups = extent.groups,
                  .has_relu = has_relu};
  if (m.bias >= 0) product.start = (m.is_bias_rounded ? rounded : parameters) + m.bias;
  for (std::size_t q = 0; q < m.output_positions; ++q) {
    product.taps = m.forward[q];
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
                  .stride = stride,
                  .out_step = m.input_positions * stride,
                  .groups = extent.groups,
                  .adds = adds};
  for (std::size_t p = 0; p < m.input_positions; ++p) {
    product.taps = m.backward[p];
    product.out = dx + p * stride;
    Multiply(product, m.inputs);
  }
}

}  // namespace bitsweep::train::fused::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
