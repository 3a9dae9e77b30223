// SPDX-License-Identifier: Apache-2.0
// BatchNorm1d, four channels at a time. Included once for each instruction set.
#if defined(BITSWEEP_WORKER_TRAIN_FUSED_NORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BITSWEEP_WORKER_TRAIN_FUSED_NORM_INL_H_
#undef BITSWEEP_WORKER_TRAIN_FUSED_NORM_INL_H_
#else
#define BITSWEEP_WORKER_TRAIN_FUSED_NORM_INL_H_
#endif

#include <algorithm>
#include <cmath>

#include "worker/train/fused/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bitsweep::train::fused::HWY_NAMESPACE {

inline constexpr std::size_t kChannels = 4;

// Calls f(offset of 16 samples, whether all of them count) for each group of a channel's rows.
template <typename Function>
HWY_INLINE void OverChannel(const Norm& norm, std::size_t channel, std::size_t stride,
                            const Extent& extent, const Function& f) {
  for (std::size_t p = 0; p < norm.positions; ++p) {
    const std::size_t row = (channel * norm.positions + p) * stride;
    for (std::size_t g = 0; g < extent.full; ++g) f(row + g * kLanes, true);
    if (extent.rest > 0) f(row + extent.full * kLanes, false);
  }
}

// y = (x - mean) scale + bias of one channel.
HWY_INLINE void Normalize(const Norm& norm, std::size_t channel, float mean, float scale,
                          float bias, const float* x, float* y, bool has_relu, std::size_t stride,
                          const Extent& extent) {
  const Lanes m = All(mean);
  const Lanes s = All(scale);
  const Lanes b = All(bias);
  OverChannel(norm, channel, stride, extent, [&](std::size_t at, bool) {
    const Lanes v = MulAdd(Load(x + at) - m, s, b);
    Store(has_relu ? Relu(v) : v, y + at);
  });
}

// Batch statistics: mean = x0 + sum (x - x0) / n, with x0 the channel's first sample, which keeps
// the digits of values far from 0; var = sum (x - mean)^2 / n; over samples and positions; y = (x -
// mean) / sqrt(var + eps) weight + bias. The running ones move by `momentum` towards mean and var n
// / (n - 1). saved: mean and 1 / sqrt(var + eps), by channel.
inline void NormForward(const Norm& norm, const float* parameters, float* statistics, float* saved,
                        const float* x, float* y, bool has_relu, std::size_t stride,
                        const Extent& extent) {
  const float n = static_cast<float>(extent.samples * norm.positions);
  float* means = saved + norm.saved;
  float* inverses = means + norm.channels;
  for (std::size_t c = 0; c < norm.channels; c += kChannels) {
    const std::size_t count = std::min(kChannels, norm.channels - c);
    Vector4 folds[kChannels] = {hn::Zero(kTag4), hn::Zero(kTag4), hn::Zero(kTag4), hn::Zero(kTag4)};
    alignas(16) float first4[kChannels] = {};
    for (std::size_t k = 0; k < count; ++k) {
      first4[k] = x[(c + k) * norm.positions * stride];
      const Lanes first = All(first4[k]);
      Lanes sum = All(0);
      OverChannel(norm, c + k, stride, extent, [&](std::size_t at, bool is_full) {
        const Lanes v = Load(x + at) - first;
        sum = sum + (is_full ? v : FirstLanes(v, extent.rest));
      });
      folds[k] = Fold(sum);
    }
    const Vector4 beyond =
        hn::Div(SumFolds(folds[0], folds[1], folds[2], folds[3]), hn::Set(kTag4, n));
    const Vector4 mean = hn::Add(hn::Load(kTag4, first4), beyond);
    alignas(16) float mean4[kChannels];
    hn::Store(mean, kTag4, mean4);
    for (std::size_t k = 0; k < count; ++k) {
      const Lanes m = All(mean4[k]);
      Lanes sum = All(0);
      OverChannel(norm, c + k, stride, extent, [&](std::size_t at, bool is_full) {
        const Lanes d = Load(x + at) - m;
        const Lanes v = is_full ? d : FirstLanes(d, extent.rest);
        sum = MulAdd(v, v, sum);
      });
      folds[k] = Fold(sum);
    }
    const Vector4 squares = SumFolds(folds[0], folds[1], folds[2], folds[3]);
    const Vector4 variance = hn::Div(squares, hn::Set(kTag4, n));
    const Vector4 unbiased = hn::Div(squares, hn::Set(kTag4, n - 1.0F));
    alignas(16) float unbiased4[kChannels];
    alignas(16) float variance4[kChannels];
    hn::Store(unbiased, kTag4, unbiased4);
    hn::Store(variance, kTag4, variance4);
    for (std::size_t k = 0; k < count; ++k) {
      const std::size_t i = c + k;
      means[i] = mean4[k];
      inverses[i] = InverseDeviation(variance4[k], norm.eps);
      float& running_mean = statistics[norm.mean + i];
      float& running_variance = statistics[norm.variance + i];
      running_mean = (1 - norm.momentum) * running_mean + norm.momentum * mean4[k];
      running_variance = (1 - norm.momentum) * running_variance + norm.momentum * unbiased4[k];
      Normalize(norm, i, mean4[k], parameters[norm.weight + i] * inverses[i],
                parameters[norm.bias + i], x, y, has_relu, stride, extent);
    }
  }
}

// The same with the running statistics; saved: as BeginEvaluation left it.
inline void NormEvaluate(const Norm& norm, const float* parameters, const float* saved,
                         const float* x, float* y, bool has_relu, std::size_t stride,
                         const Extent& extent) {
  const float* means = saved + norm.saved;
  const float* inverses = means + norm.channels;
  for (std::size_t c = 0; c < norm.channels; ++c) {
    Normalize(norm, c, means[c], parameters[norm.weight + c] * inverses[c],
              parameters[norm.bias + c], x, y, has_relu, stride, extent);
  }
}

// With i = 1 / sqrt(var + eps): dbias = sum dy, dweight = i sum dy (x - mean),
// dx = weight i (dy - dbias / n - (x - mean) i dweight / n). A relu's dy counts where y > 0.
inline void NormBackward(const Norm& norm, const float* parameters, const float* saved,
                         const float* x, const float* y, const float* dy, bool has_relu,
                         GradientUse use, float* dx, float* gradients, std::size_t stride,
                         const Extent& extent) {
  const float n = static_cast<float>(extent.samples * norm.positions);
  const float* means = saved + norm.saved;
  const float* inverses = means + norm.channels;
  const auto incoming = [&](std::size_t at) {
    const Lanes d = Load(dy + at);
    return has_relu ? WherePositive(Load(y + at), d) : d;
  };
  for (std::size_t c = 0; c < norm.channels; c += kChannels) {
    const std::size_t count = std::min(kChannels, norm.channels - c);
    Vector4 folds[kChannels] = {hn::Zero(kTag4), hn::Zero(kTag4), hn::Zero(kTag4), hn::Zero(kTag4)};
    Vector4 products[kChannels] = {hn::Zero(kTag4), hn::Zero(kTag4), hn::Zero(kTag4),
                                   hn::Zero(kTag4)};
    for (std::size_t k = 0; k < count; ++k) {
      const Lanes m = All(means[c + k]);
      Lanes sum = All(0);
      Lanes product = All(0);
      OverChannel(norm, c + k, stride, extent, [&](std::size_t at, bool is_full) {
        Lanes d = incoming(at);
        Lanes centred = Load(x + at) - m;
        if (!is_full) {
          d = FirstLanes(d, extent.rest);
          centred = FirstLanes(centred, extent.rest);
        }
        sum = sum + d;
        product = MulAdd(d, centred, product);
      });
      folds[k] = Fold(sum);
      products[k] = Fold(product);
    }
    alignas(16) float sum4[kChannels];
    alignas(16) float product4[kChannels];
    hn::Store(SumFolds(folds[0], folds[1], folds[2], folds[3]), kTag4, sum4);
    hn::Store(SumFolds(products[0], products[1], products[2], products[3]), kTag4, product4);
    for (std::size_t k = 0; k < count; ++k) {
      const std::size_t i = c + k;
      const float inverse = inverses[i];
      gradients[norm.bias + i] = sum4[k];
      gradients[norm.weight + i] = product4[k] * inverse;
      if (use == GradientUse::kNone) continue;
      const Lanes m = All(means[i]);
      const Lanes scale = All(parameters[norm.weight + i] * inverse);
      const Lanes mean_of_dy = All(sum4[k] / n);
      const Lanes slope = All(product4[k] * inverse * inverse / n);
      OverChannel(norm, i, stride, extent, [&](std::size_t at, bool) {
        const Lanes centred = Load(x + at) - m;
        const Lanes d = scale * (incoming(at) - mean_of_dy - centred * slope);
        Store(use == GradientUse::kAdd ? Load(dx + at) + d : d, dx + at);
      });
    }
  }
}

}  // namespace bitsweep::train::fused::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
