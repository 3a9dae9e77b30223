// SPDX-License-Identifier: Apache-2.0
// Softmax cross-entropy and its gradient. Included once for each instruction set.
#if defined(BITSWEEP_WORKER_TRAIN_FUSED_LOSS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BITSWEEP_WORKER_TRAIN_FUSED_LOSS_INL_H_
#undef BITSWEEP_WORKER_TRAIN_FUSED_LOSS_INL_H_
#else
#define BITSWEEP_WORKER_TRAIN_FUSED_LOSS_INL_H_
#endif

#include "worker/train/fused/elementwise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bitsweep::train::fused::HWY_NAMESPACE {

using IntTag = hn::RebindToSigned<Tag>;
using Integers = hn::Vec<IntTag>;
inline constexpr IntTag kIntTag;

// Of one vector of samples: loss = log(sum exp(o_j - max)) + max - o_y, and in `gradient` (not null
// where kTrains) scale (exp(o_j) / sum - [j = y]). Returns the samples classified right: the first
// of the highest outputs is y.
template <bool kTrains>
HWY_INLINE std::size_t VectorLoss(const float* outputs, const std::int32_t* labels,
                                  std::size_t classes, std::size_t stride, float scale,
                                  float* gradient, Vector& loss) {
  const Integers label = hn::Load(kIntTag, labels);
  const Vector zero = hn::Zero(kTag);
  Vector highest = hn::Load(kTag, outputs);
  Integers best = hn::Zero(kIntTag);
  Vector own = hn::IfThenElseZero(hn::RebindMask(kTag, hn::Eq(label, best)), highest);
  for (std::size_t j = 1; j < classes; ++j) {
    const Vector o = hn::Load(kTag, outputs + j * stride);
    const Integers index = hn::Set(kIntTag, static_cast<std::int32_t>(j));
    const auto is_higher = hn::Gt(o, highest);
    highest = hn::IfThenElse(is_higher, o, highest);
    best = hn::IfThenElse(hn::RebindMask(kIntTag, is_higher), index, best);
    own = hn::IfThenElse(hn::RebindMask(kTag, hn::Eq(label, index)), o, own);
  }
  Vector sum = zero;
  for (std::size_t j = 0; j < classes; ++j) {
    const Vector e = Exp(hn::Sub(hn::Load(kTag, outputs + j * stride), highest));
    if constexpr (kTrains) hn::Store(e, kTag, gradient + j * stride);
    sum = hn::Add(sum, e);
  }
  const Vector log = hn::IfThenElse(hn::Eq(sum, sum), hn::Log(kTag, sum), sum);  // NaN stays
  loss = hn::Add(log, hn::Sub(highest, own));
  if constexpr (kTrains) {
    const Vector share = hn::Div(hn::Set(kTag, scale), sum);
    const Vector minus = hn::Set(kTag, -scale);
    for (std::size_t j = 0; j < classes; ++j) {
      const Integers index = hn::Set(kIntTag, static_cast<std::int32_t>(j));
      const auto is_label = hn::RebindMask(kTag, hn::Eq(label, index));
      const Vector e = hn::Load(kTag, gradient + j * stride);
      hn::Store(hn::MulAdd(e, share, hn::IfThenElseZero(is_label, minus)), kTag,
                gradient + j * stride);
    }
  }
  return hn::CountTrue(kIntTag, hn::Eq(label, best));
}

// All samples of a tile. losses: one a sample, in whole lanes; gradient as VectorLoss.
template <bool kTrains>
HWY_INLINE std::int64_t Losses(const float* outputs, const std::int32_t* labels,
                               std::size_t classes, std::size_t stride, float scale,
                               float* gradient, float* losses, const Extent& extent) {
  std::size_t correct = 0;
  for (std::size_t i = 0; i < extent.groups * kLanes; i += kPerVector) {
    Vector loss;
    correct += VectorLoss<kTrains>(outputs + i, labels + i, classes, stride, scale,
                                   kTrains ? gradient + i : nullptr, loss);
    hn::Store(loss, kTag, losses + i);
  }
  return static_cast<std::int64_t>(correct);
}

// The sum of a tile's losses: lanes in float32 over at most 64 groups, those in float64.
inline double SumOfLosses(const float* losses, const Extent& extent) {
  constexpr std::size_t kChunk = 64;
  double total = 0;
  for (std::size_t first = 0; first < extent.groups; first += kChunk) {
    Lanes sum = All(0);
    for (std::size_t g = first; g < std::min(extent.groups, first + kChunk); ++g) {
      const Lanes loss = Load(losses + g * kLanes);
      sum = sum + (g < extent.full ? loss : FirstLanes(loss, extent.rest));
    }
    total += static_cast<double>(Sum(sum));
  }
  return total;
}

}  // namespace bitsweep::train::fused::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
