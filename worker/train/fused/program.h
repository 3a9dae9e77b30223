// SPDX-License-Identifier: Apache-2.0
// A graph as the fused engine runs it: a list of operations over rows of one block of floats.
//
// Activations are feature-major. A value of n features is n rows; a row holds that feature of all
// samples of a tile, one float each, so every loop over samples is a vector loop. A sample shape
// [C, L] is C * L rows, channel-major (row c * L + p), which makes view, flatten and output mere
// names for the value they read.
#ifndef BITSWEEP_WORKER_TRAIN_FUSED_PROGRAM_H_
#define BITSWEEP_WORKER_TRAIN_FUSED_PROGRAM_H_

#include <cmath>
#include <cstdint>
#include <vector>

#include "worker/quant/integer_grid.h"

namespace bitsweep::train::fused {

// Where an operation leaves the gradient of what it read.
enum class GradientUse : std::uint8_t {
  kNone,   // nobody needs it: nothing trainable is upstream
  kWrite,  // the first to write it
  kAdd,    // another reader of the same value has written already
};

// Rows [first, first + count) of the activations, and the first row of their gradient.
struct Rows {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::uint32_t gradient = 0;  // meaningless where nobody needs one
};

struct Input {
  Rows rows;
  GradientUse use = GradientUse::kNone;
};

// The products of a sum: of `outer` runs of `inner` products each, row r of what is read times
// weight w of what stands for output 0, with r and w moved by fixed steps.
struct Taps {
  std::uint32_t row = 0;  // of the first product
  std::uint32_t weight = 0;
  std::uint32_t outer = 0;
  std::uint32_t inner = 0;
  std::int32_t outer_row = 0;  // from the start of a run to the start of the next
  std::int32_t outer_weight = 0;
  std::int32_t inner_row = 0;
  std::int32_t inner_weight = 0;
};

// Linear is Conv1d of one position and a kernel of 1:
//   y[m, q] = bias[m] + sum_{c, t} w[m, c, t] x[c, q stride + t - padding]
struct Matrix {
  std::uint32_t outputs = 0;           // m
  std::uint32_t inputs = 0;            // c
  std::uint32_t kernel = 1;            // t
  std::uint32_t output_positions = 1;  // q
  std::uint32_t input_positions = 1;   // p
  std::uint32_t stride = 1;
  std::uint32_t weight = 0;        // offset in the parameters
  std::int64_t bias = -1;          // offset, or -1
  bool is_weight_rounded = false;  // read from the rounded parameters
  bool is_bias_rounded = false;
  // Of each q: rows of x, weights of output 0; the weights of output m lie m inputs kernel on.
  std::vector<Taps> forward;
  // Of each p: rows of dy, weights of input 0; the weights of input c lie c kernel on.
  std::vector<Taps> backward;
  // Of each t: the positions q, q + 1, ... and p, p + stride, ... that its weight joins.
  struct Joined {
    std::uint32_t q = 0;
    std::uint32_t p = 0;
    std::uint32_t count = 0;
  };
  std::vector<Joined> joined;

  // Whether the gradient of the weights sums over so few samples that lanes of samples would cost
  // more to add up than to fill.
  bool HasFewSamples(std::size_t samples) const {
    return output_positions == 1 && input_positions == 1 && kernel == 1 &&
           joined.front().count == 1 &&  // the one position may read nothing but padding
           (samples <= 16 || samples <= outputs);
  }
};

struct Norm {
  std::uint32_t channels = 0;
  std::uint32_t positions = 1;
  std::uint32_t weight = 0;  // offsets in the parameters
  std::uint32_t bias = 0;
  std::uint32_t mean = 0;  // offsets in the statistics
  std::uint32_t variance = 0;
  std::uint32_t saved = 0;  // offset of 2 * channels floats of scratch: batch mean, 1 / deviation
  std::uint32_t count = 0;  // which counter of batches
  double eps = 0;
  float momentum = 0;
};

// 1 / sqrt(variance + eps), in float64: there any eps of a graph is above 0.
inline float InverseDeviation(float variance, double eps) {
  return static_cast<float>(1 / std::sqrt(static_cast<double>(variance) + eps));
}

struct Drop {
  std::uint32_t node = 0;  // substream of the random numbers
  double p = 0;
};

enum class OpKind : std::uint8_t { kMatrix, kNorm, kRelu, kSigmoid, kAdd, kDrop, kRound };

struct Op {
  OpKind kind = OpKind::kRelu;
  bool has_relu = false;  // max(0, .) of the result; of kMatrix, kNorm and kAdd
  Input input;
  Input second;  // of kAdd
  Rows output;
  std::uint32_t detail = 0;  // which matrix, norm, drop or grid
};

struct RoundedParameter {
  std::uint32_t offset = 0;
  std::uint32_t count = 0;
  quant::IntegerGrid grid;
};

// A tensor of the graph: where its values lie.
struct TensorPlace {
  enum class Kind : std::uint8_t { kParameter, kStatistic, kCounter };
  Kind kind = Kind::kParameter;
  std::uint32_t offset = 0;
  std::uint32_t count = 0;
};

struct Program {
  std::vector<Op> ops;  // in order of execution; the backward pass runs them from the end
  std::vector<Matrix> matrices;
  std::vector<Norm> norms;
  std::vector<Drop> drops;
  std::vector<quant::IntegerGrid> grids;
  std::vector<RoundedParameter> rounded;
  std::vector<TensorPlace> tensors;  // as graph.tensors()
  Rows input;
  Rows output;  // its rows are the classes
  std::uint32_t activation_rows = 0;
  std::uint32_t gradient_rows = 0;
  std::uint32_t parameters = 0;
  std::uint32_t statistics = 0;
  std::uint32_t counters = 0;
  std::uint32_t saved = 0;         // floats of scratch
  std::int64_t products = 0;       // multiply-adds of one sample, forward
  bool needs_whole_batch = false;  // a norm: its statistics are of all samples of the batch
};

}  // namespace bitsweep::train::fused

#endif  // BITSWEEP_WORKER_TRAIN_FUSED_PROGRAM_H_
