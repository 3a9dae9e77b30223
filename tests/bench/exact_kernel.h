// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_BENCH_EXACT_KERNEL_H_
#define BITSWEEP_TESTS_BENCH_EXACT_KERNEL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bitsweep::bench {

// jsc-tiny (BatchNorm1d 16, ReLU, Linear 16 to 5, ReLU) trained with Adam by loops written for this
// network alone: what the fused engine, which knows no network, is measured against. Plain C++ for
// the compiler to vectorize (-Ofast); features outside, batch inside, nothing allocated in a step.
class ExactKernel {
 public:
  // x: [rows, 16], row-major; both must outlive it. Weights begin as `seed` draws them.
  ExactKernel(const float* x, const std::int32_t* y, std::size_t batch, std::uint32_t seed);

  // One step on `batch` rows; returns the mean loss.
  float Step(const std::uint32_t* rows, float learning_rate);

 private:
  static constexpr std::size_t kFeatures = 16;
  static constexpr std::size_t kClasses = 5;
  static constexpr std::size_t kParameters = 2 * kFeatures + kClasses * kFeatures + kClasses;

  template <std::size_t kBatch>
  float StepOf(const std::uint32_t* rows, float learning_rate);

  const float* x_;
  const std::int32_t* y_;
  const std::size_t batch_;
  std::vector<float> tile_, normal_, hidden_, out_, slope_;
  alignas(64) float w_[kParameters], g_[kParameters], m_[kParameters], v_[kParameters];
  float running_mean_[kFeatures], running_variance_[kFeatures];
  double step_ = 0;
};

}  // namespace bitsweep::bench

#endif  // BITSWEEP_TESTS_BENCH_EXACT_KERNEL_H_
