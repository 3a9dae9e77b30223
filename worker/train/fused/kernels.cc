// SPDX-License-Identifier: Apache-2.0
#include "worker/train/fused/kernels.h"

// SSE4, AVX2 and AVX-512 on x86-64, NEON on AArch64.
#if defined(__x86_64__)
#define HWY_BASELINE_TARGETS HWY_SSE4
#endif
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/train/fused/kernels.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h, as Highway asks.
#include "hwy/highway.h"
#include "worker/train/fused/elementwise-inl.h"
#include "worker/train/fused/lanes-inl.h"
#include "worker/train/fused/loss-inl.h"
#include "worker/train/fused/matrix-inl.h"
#include "worker/train/fused/norm-inl.h"
#include "worker/train/fused/weight_gradient-inl.h"

HWY_BEFORE_NAMESPACE();
namespace bitsweep::train::fused::HWY_NAMESPACE {

struct Tile {
  const Program& program;
  const Buffers& b;
  const Extent& extent;

  float* Values(const Rows& rows) const { return b.activations + rows.first * b.stride; }
  float* Gradients(const Rows& rows) const { return b.gradients + rows.gradient * b.stride; }
};

inline void RunAdd(const Tile& t, const Op& op) {
  const float* second = t.Values(op.second.rows);
  Map(t.Values(op.input.rows), t.Values(op.output), op.output.count, t.b.stride, t.extent,
      [&](const Lanes& a, std::size_t at) {
        const Lanes sum = a + Load(second + at);
        return op.has_relu ? Relu(sum) : sum;
      });
}

template <bool kTrains>
void RunForward(const Tile& t) {
  for (const Op& op : t.program.ops) {
    const float* x = t.Values(op.input.rows);
    float* y = t.Values(op.output);
    const std::size_t rows = op.output.count;
    switch (op.kind) {
      case OpKind::kMatrix:
        MatrixForward(t.program.matrices[op.detail], t.b.parameters, t.b.rounded, x, y, op.has_relu,
                      t.b.stride, t.extent);
        break;
      case OpKind::kNorm:
        if constexpr (kTrains) {
          NormForward(t.program.norms[op.detail], t.b.parameters, t.b.statistics, t.b.saved, x, y,
                      op.has_relu, t.b.stride, t.extent);
        } else {
          NormEvaluate(t.program.norms[op.detail], t.b.parameters, t.b.saved, x, y, op.has_relu,
                       t.b.stride, t.extent);
        }
        break;
      case OpKind::kRelu:
        Map(x, y, rows, t.b.stride, t.extent, [](const Lanes& v, std::size_t) { return Relu(v); });
        break;
      case OpKind::kSigmoid:
        Map(x, y, rows, t.b.stride, t.extent,
            [](const Lanes& v, std::size_t) { return SigmoidOf(v); });
        break;
      case OpKind::kAdd:
        RunAdd(t, op);
        break;
      case OpKind::kDrop: {
        const float* mask = t.b.masks[op.detail];
        Map(x, y, rows, t.b.stride, t.extent,
            [&](const Lanes& v, std::size_t at) { return kTrains ? v * Load(mask + at) : v; });
        break;
      }
      case OpKind::kRound:
        RoundRows(t.program.grids[op.detail], x, y, rows, t.b.stride, t.extent);
        break;
    }
  }
}

inline void RunMatrixBackward(const Tile& t, const Op& op, bool adds) {
  const Matrix& m = t.program.matrices[op.detail];
  float* dy = t.Gradients(op.output);
  float* db = m.bias < 0 ? nullptr : t.b.parameter_gradients + m.bias;
  MatrixBiasGradient(m, t.Values(op.output), dy, op.has_relu, t.b.folds, db, adds, t.b.stride,
                     t.extent);
  MatrixWeightGradient(m, t.Values(op.input.rows), dy, t.b.folds,
                       t.b.parameter_gradients + m.weight, adds, t.b.stride, t.extent);
  if (op.input.use == GradientUse::kNone) return;
  MatrixInputGradient(m, t.b.parameters, t.b.rounded, dy, t.Gradients(op.input.rows),
                      op.input.use == GradientUse::kAdd, t.b.stride, t.extent);
}

inline void RunAddBackward(const Tile& t, const Op& op) {
  const float* y = t.Values(op.output);
  for (const Input* input : {&op.input, &op.second}) {
    if (input->use == GradientUse::kNone) continue;
    MapBack(t.Gradients(op.output), t.Gradients(input->rows), input->use == GradientUse::kAdd,
            op.output.count, t.b.stride, t.extent, [&](const Lanes& d, std::size_t at) {
              return op.has_relu ? WherePositive(Load(y + at), d) : d;
            });
  }
}

inline void RunBackward(const Tile& t, bool adds) {
  for (std::size_t i = t.program.ops.size(); i-- > 0;) {
    const Op& op = t.program.ops[i];
    const bool has_gradient = op.input.use != GradientUse::kNone;
    if (op.kind == OpKind::kMatrix) {
      RunMatrixBackward(t, op, adds);
      continue;
    }
    if (op.kind == OpKind::kAdd) {
      RunAddBackward(t, op);
      continue;
    }
    const float* y = t.Values(op.output);
    if (op.kind == OpKind::kNorm) {
      NormBackward(t.program.norms[op.detail], t.b.parameters, t.b.saved, t.Values(op.input.rows),
                   y, t.Gradients(op.output), op.has_relu, op.input.use,
                   has_gradient ? t.Gradients(op.input.rows) : nullptr, t.b.parameter_gradients,
                   t.b.stride, t.extent);
      continue;
    }
    if (!has_gradient) continue;  // also all that rounds: its gradient is its input's
    const float* dy = t.Gradients(op.output);
    float* dx = t.Gradients(op.input.rows);
    const bool adds_to_dx = op.input.use == GradientUse::kAdd;
    const std::size_t rows = op.output.count;
    if (op.kind == OpKind::kRelu) {
      MapBack(dy, dx, adds_to_dx, rows, t.b.stride, t.extent,
              [&](const Lanes& d, std::size_t at) { return WherePositive(Load(y + at), d); });
    } else if (op.kind == OpKind::kSigmoid) {
      MapBack(dy, dx, adds_to_dx, rows, t.b.stride, t.extent, [&](const Lanes& d, std::size_t at) {
        const Lanes s = Load(y + at);
        return d * s * (All(1) - s);
      });
    } else if (op.kind == OpKind::kDrop) {
      const float* mask = t.b.masks[op.detail];
      MapBack(dy, dx, adds_to_dx, rows, t.b.stride, t.extent,
              [&](const Lanes& d, std::size_t at) { return d * Load(mask + at); });
    }
  }
}

TileSums TrainTile(const Program& program, const Buffers& b, const Samples& samples,
                   float loss_scale, bool adds) {
  const Extent extent(samples.count);
  const Tile tile{program, b, extent};
  Gather(samples, tile.Values(program.input), b.labels, b.stride);
  RunForward<true>(tile);
  TileSums sums;
  sums.correct = Losses<true>(tile.Values(program.output), b.labels, program.output.count, b.stride,
                              loss_scale, tile.Gradients(program.output), b.losses, extent);
  sums.loss = SumOfLosses(b.losses, extent);
  RunBackward(tile, adds);
  return sums;
}

std::int64_t EvaluateTile(const Program& program, const Buffers& b, const Samples& samples) {
  const Extent extent(samples.count);
  const Tile tile{program, b, extent};
  Gather(samples, tile.Values(program.input), b.labels, b.stride);
  RunForward<false>(tile);
  return Losses<false>(tile.Values(program.output), b.labels, program.output.count, b.stride, 0,
                       nullptr, b.losses, extent);
}

void RoundParameters(const Program& program, const Buffers& b) {
  for (const RoundedParameter& p : program.rounded) {
    const float* from = b.parameters + p.offset;
    float* to = b.rounded + p.offset;
    for (std::size_t i = 0; i < p.count; i += kLanes) {
      const std::size_t n = std::min<std::size_t>(kLanes, p.count - i);
      alignas(64) float some[kLanes] = {};
      std::copy(from + i, from + i + n, some);
      const Lanes v = Load(some);
      Store(p.grid.floor ? OnGrid<true>(v, p.grid) : OnGrid<false>(v, p.grid), some);
      std::copy(some, some + n, to + i);
    }
  }
}

const char* InstructionSet() { return hwy::TargetName(HWY_TARGET); }

}  // namespace bitsweep::train::fused::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bitsweep::train::fused {

HWY_EXPORT(TrainTile);
HWY_EXPORT(EvaluateTile);
HWY_EXPORT(RoundParameters);
HWY_EXPORT(InstructionSet);

TileSums TrainTile(const Program& program, const Buffers& buffers, const Samples& samples,
                   float loss_scale, bool adds) {
  return HWY_DYNAMIC_DISPATCH(TrainTile)(program, buffers, samples, loss_scale, adds);
}

std::int64_t EvaluateTile(const Program& program, const Buffers& buffers, const Samples& samples) {
  return HWY_DYNAMIC_DISPATCH(EvaluateTile)(program, buffers, samples);
}

void RoundParameters(const Program& program, const Buffers& buffers) {
  HWY_DYNAMIC_DISPATCH(RoundParameters)(program, buffers);
}

void BeginEvaluation(const Program& program, const Buffers& buffers) {
  for (const Norm& norm : program.norms) {
    for (std::size_t c = 0; c < norm.channels; ++c) {
      buffers.saved[norm.saved + c] = buffers.statistics[norm.mean + c];
      buffers.saved[norm.saved + norm.channels + c] =
          InverseDeviation(buffers.statistics[norm.variance + c], norm.eps);
    }
  }
}

bool HasInstructions() { return (hwy::SupportedTargets() & HWY_TARGETS) != 0; }

const char* InstructionSet() { return HWY_DYNAMIC_DISPATCH(InstructionSet)(); }

}  // namespace bitsweep::train::fused
#endif  // HWY_ONCE
