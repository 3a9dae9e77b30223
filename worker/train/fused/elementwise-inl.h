// SPDX-License-Identifier: Apache-2.0
// Relu, sigmoid, add, dropout, rounding, and gathering samples into rows. Included once for each
// instruction set.
#if defined(BITSWEEP_WORKER_TRAIN_FUSED_ELEMENTWISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BITSWEEP_WORKER_TRAIN_FUSED_ELEMENTWISE_INL_H_
#undef BITSWEEP_WORKER_TRAIN_FUSED_ELEMENTWISE_INL_H_
#else
#define BITSWEEP_WORKER_TRAIN_FUSED_ELEMENTWISE_INL_H_
#endif

#include <algorithm>

#include "hwy/cache_control.h"
#include "hwy/contrib/math/math-inl.h"
#include "worker/quant/integer_grid.h"
#include "worker/train/fused/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bitsweep::train::fused::HWY_NAMESPACE {

// e^x for all x: Highway's is made for |x| up to about 104 and takes NaN for a small number.
HWY_INLINE Vector Exp(Vector x) {
  const Vector bound = hn::Set(kTag, 104.0F);  // e^-104 is 0, e^104 infinity
  const Vector inside = hn::Max(hn::Min(x, bound), hn::Neg(bound));
  const Vector e = hn::Exp(kTag, inside);
  const Vector high = hn::IfThenElse(hn::Gt(x, hn::Set(kTag, 88.7228394F)), hn::Inf(kTag), e);
  return hn::IfThenElse(hn::Eq(x, x), high, x);
}
HWY_INLINE Lanes operator/(const Lanes& a, const Lanes& b) {
  return Each([&](std::size_t i) { return hn::Div(a.v[i], b.v[i]); });
}

// y = f(x) over whole rows.
template <typename Function>
HWY_INLINE void Map(const float* x, float* y, std::size_t rows, std::size_t stride,
                    const Extent& extent, const Function& f) {
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t g = 0; g < extent.groups; ++g) {
      const std::size_t at = r * stride + g * kLanes;
      Store(f(Load(x + at), at), y + at);
    }
  }
}

// What runs backwards: dx (+)= f(dy).
template <typename Function>
HWY_INLINE void MapBack(const float* dy, float* dx, bool adds, std::size_t rows, std::size_t stride,
                        const Extent& extent, const Function& f) {
  if (adds) {
    Map(dy, dx, rows, stride, extent,
        [&](const Lanes& d, std::size_t at) { return Load(dx + at) + f(d, at); });
  } else {
    Map(dy, dx, rows, stride, extent, f);
  }
}

// 1 / (1 + e^-x)
HWY_INLINE Lanes SigmoidOf(const Lanes& x) {
  const Lanes e = Each([&](std::size_t i) { return Exp(hn::Neg(x.v[i])); });
  return All(1) / (All(1) + e);
}

// As quant::IntegerGrid says, the same bits as worker/quant.
template <bool kFloor>
HWY_INLINE Lanes OnGrid(const Lanes& x, const quant::IntegerGrid& grid) {
  const Vector lowest = hn::Set(kTag, grid.lowest);
  const Vector highest = hn::Set(kTag, grid.highest);
  const Vector step = hn::Set(kTag, grid.step);
  const Vector scale = hn::Set(kTag, grid.scale);
  return Each([&](std::size_t i) {
    const Vector scaled = hn::Mul(x.v[i], scale);
    Vector v = kFloor ? hn::Floor(scaled) : hn::Round(scaled);
    v = hn::IfThenElse(hn::Lt(v, lowest), lowest, v);
    v = hn::IfThenElse(hn::Gt(v, highest), highest, v);
    return hn::Mul(v, step);
  });
}

HWY_INLINE void RoundRows(const quant::IntegerGrid& grid, const float* x, float* y,
                          std::size_t rows, std::size_t stride, const Extent& extent) {
  if (grid.floor) {
    Map(x, y, rows, stride, extent,
        [&](const Lanes& v, std::size_t) { return OnGrid<true>(v, grid); });
  } else {
    Map(x, y, rows, stride, extent,
        [&](const Lanes& v, std::size_t) { return OnGrid<false>(v, grid); });
  }
}

// Four features of four samples: rows become columns.
HWY_INLINE void Transpose4(const float* const x[4], float* y, std::size_t stride) {
  const Vector4 a = hn::LoadU(kTag4, x[0]);
  const Vector4 b = hn::LoadU(kTag4, x[1]);
  const Vector4 c = hn::LoadU(kTag4, x[2]);
  const Vector4 d = hn::LoadU(kTag4, x[3]);
  const Vector4 ac_low = hn::InterleaveLower(kTag4, a, c);   // a0 c0 a1 c1
  const Vector4 bd_low = hn::InterleaveLower(kTag4, b, d);   // b0 d0 b1 d1
  const Vector4 ac_high = hn::InterleaveUpper(kTag4, a, c);  // a2 c2 a3 c3
  const Vector4 bd_high = hn::InterleaveUpper(kTag4, b, d);
  hn::Store(hn::InterleaveLower(kTag4, ac_low, bd_low), kTag4, y);  // a0 b0 c0 d0
  hn::Store(hn::InterleaveUpper(kTag4, ac_low, bd_low), kTag4, y + stride);
  hn::Store(hn::InterleaveLower(kTag4, ac_high, bd_high), kTag4, y + 2 * stride);
  hn::Store(hn::InterleaveUpper(kTag4, ac_high, bd_high), kTag4, y + 3 * stride);
}

// Samples into the rows of the input, and their labels. Lanes beyond the last sample have a label
// that no class has.
inline void Gather(const Samples& samples, float* rows, std::int32_t* labels, std::size_t stride) {
  constexpr std::size_t kAhead = 64;  // samples: 4 KiB of the usual 16 features
  const std::size_t features = samples.features;
  const std::size_t known = samples.count + samples.following;
  const auto row = [&](std::size_t i) {
    return samples.rows == nullptr ? samples.first + i : std::size_t{samples.rows[i]};
  };
  for (std::size_t i = 0; i < samples.count; i += 4) {
    const float* x[4];
    for (std::size_t k = 0; k < 4; ++k) {
      const std::size_t source = row(std::min(i + k, samples.count - 1));
      x[k] = samples.x + source * features;
      labels[i + k] = i + k < samples.count ? samples.y[source] : -1;
      if (samples.rows != nullptr && i + k + kAhead < known) {
        const std::size_t coming = samples.rows[i + k + kAhead];
        const float* line = samples.x + coming * features;
        for (std::size_t f = 0; f < features; f += kLanes) hwy::Prefetch(line + f);
        hwy::Prefetch(samples.y + coming);
      }
    }
    float* to = rows + i;
    std::size_t f = 0;
    for (; f + 4 <= features; f += 4) {
      Transpose4(x, to + f * stride, stride);
      for (const float*& p : x) p += 4;
    }
    for (; f < features; ++f) {
      for (std::size_t k = 0; k < 4; ++k) to[f * stride + k] = *x[k]++;
    }
  }
  for (std::size_t i = (samples.count + 3) / 4 * 4; i % kLanes != 0; ++i) {
    labels[i] = -1;
    for (std::size_t f = 0; f < features; ++f) rows[f * stride + i] = 0;
  }
}

}  // namespace bitsweep::train::fused::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
