// SPDX-License-Identifier: Apache-2.0
// 16 floats in as many vectors as the instruction set needs. Included once for each of them.
#if defined(BITSWEEP_WORKER_TRAIN_FUSED_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BITSWEEP_WORKER_TRAIN_FUSED_LANES_INL_H_
#undef BITSWEEP_WORKER_TRAIN_FUSED_LANES_INL_H_
#else
#define BITSWEEP_WORKER_TRAIN_FUSED_LANES_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "worker/train/fused/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace bitsweep::train::fused::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, kLanes>;
using Tag4 = hn::FixedTag<float, 4>;
using Vector = hn::Vec<Tag>;
using Vector4 = hn::Vec<Tag4>;
inline constexpr Tag kTag;
inline constexpr Tag4 kTag4;
inline constexpr std::size_t kPerVector = hn::MaxLanes(Tag());
inline constexpr std::size_t kVectors = kLanes / kPerVector;

struct Lanes {
  Vector v[kVectors];
};

template <typename Function>
HWY_INLINE Lanes Each(const Function& function) {
  Lanes result;
  for (std::size_t i = 0; i < kVectors; ++i) result.v[i] = function(i);
  return result;
}

HWY_INLINE Lanes Load(const float* p) {
  return Each([&](std::size_t i) { return hn::Load(kTag, p + i * kPerVector); });
}
HWY_INLINE void Store(const Lanes& x, float* p) {
  for (std::size_t i = 0; i < kVectors; ++i) hn::Store(x.v[i], kTag, p + i * kPerVector);
}
HWY_INLINE Lanes All(float x) {
  const Vector v = hn::Set(kTag, x);
  return Each([&](std::size_t) { return v; });
}
HWY_INLINE Lanes operator+(const Lanes& a, const Lanes& b) {
  return Each([&](std::size_t i) { return hn::Add(a.v[i], b.v[i]); });
}
HWY_INLINE Lanes operator-(const Lanes& a, const Lanes& b) {
  return Each([&](std::size_t i) { return hn::Sub(a.v[i], b.v[i]); });
}
HWY_INLINE Lanes operator*(const Lanes& a, const Lanes& b) {
  return Each([&](std::size_t i) { return hn::Mul(a.v[i], b.v[i]); });
}
// a b + c
HWY_INLINE Lanes MulAdd(const Lanes& a, const Lanes& b, const Lanes& c) {
  return Each([&](std::size_t i) { return hn::MulAdd(a.v[i], b.v[i], c.v[i]); });
}
// max(0, x); NaN stays. The maximum of x86 gives its second operand when one is NaN, that of NEON
// the other one.
HWY_INLINE Lanes Relu(const Lanes& x) {
#if HWY_ARCH_X86
  return Each([&](std::size_t i) { return hn::Max(hn::Zero(kTag), x.v[i]); });
#else
  return Each([&](std::size_t i) {
    const auto zero = hn::Zero(kTag);
    return hn::IfThenElse(hn::Lt(x.v[i], zero), zero, x.v[i]);
  });
#endif
}
// x where y > 0, else 0.
HWY_INLINE Lanes WherePositive(const Lanes& y, const Lanes& x) {
  return Each(
      [&](std::size_t i) { return hn::IfThenElseZero(hn::Gt(y.v[i], hn::Zero(kTag)), x.v[i]); });
}
// x in the first `count` lanes, 0 in the others.
HWY_INLINE Lanes FirstLanes(const Lanes& x, std::size_t count) {
  return Each([&](std::size_t i) {
    const std::size_t before = i * kPerVector;
    const std::size_t n = count <= before ? 0 : count - before;
    return hn::IfThenElseZero(hn::FirstN(kTag, n < kPerVector ? n : kPerVector), x.v[i]);
  });
}

// The upper half of a vector added to the lower, until 4 lanes are left.
template <typename V>
HWY_INLINE Vector4 FoldVector(V x) {
  using From = hn::DFromV<V>;
  if constexpr (hn::MaxLanes(From()) == 4) {
    return x;
  } else {
    const hn::Half<From> half;
    return FoldVector(hn::Add(hn::LowerHalf(half, x), hn::UpperHalf(half, x)));
  }
}

// Lanes added in halves: 16 to 8 to 4, lane l with lane l + 8, then l with l + 4.
HWY_INLINE Vector4 Fold(Lanes x) {
  for (std::size_t half = kVectors / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) x.v[i] = hn::Add(x.v[i], x.v[i + half]);
  }
  return FoldVector(x.v[0]);
}

// Lane i is (l0 + l2) + (l1 + l3) of fold i.
HWY_INLINE Vector4 SumFolds(Vector4 a, Vector4 b, Vector4 c, Vector4 d) {
  const Vector4 ab_low = hn::InterleaveLower(kTag4, a, b);   // a0 b0 a1 b1
  const Vector4 ab_high = hn::InterleaveUpper(kTag4, a, b);  // a2 b2 a3 b3
  const Vector4 cd_low = hn::InterleaveLower(kTag4, c, d);
  const Vector4 cd_high = hn::InterleaveUpper(kTag4, c, d);
  const Vector4 ab = hn::Add(ab_low, ab_high);  // a0+a2 b0+b2 a1+a3 b1+b3
  const Vector4 cd = hn::Add(cd_low, cd_high);
  const auto first = hn::ConcatLowerLower(kTag4, cd, ab);   // a0+a2 b0+b2 c0+c2 d0+d2
  const auto second = hn::ConcatUpperUpper(kTag4, cd, ab);  // a1+a3 ...
  return hn::Add(first, second);
}

HWY_INLINE float Sum(const Lanes& x) {
  const Vector4 fold = Fold(x);
  return hn::GetLane(SumFolds(fold, fold, fold, fold));
}

// One row of a tile: its samples in groups of 16, the last one perhaps not full.
struct Extent {
  explicit Extent(std::size_t count)
      : samples(count),
        full(count / kLanes),
        rest(count % kLanes),
        groups(full + (rest > 0 ? 1 : 0)) {}
  std::size_t samples, full, rest, groups;
};

}  // namespace bitsweep::train::fused::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
