// SPDX-License-Identifier: Apache-2.0
// The arithmetic of the fused engine, compiled once for each instruction set and chosen at run
// time.
//
// Bits: sums over samples run in 16 lanes (lane = sample modulo 16) that are added in one fixed
// order (those of few samples one by one), and every product is added with one rounding where the
// processor has fused multiply-adds: AVX2, AVX-512 and NEON are written to give the same bits. SSE4
// rounds twice, and differs.
#ifndef BITSWEEP_WORKER_TRAIN_FUSED_KERNELS_H_
#define BITSWEEP_WORKER_TRAIN_FUSED_KERNELS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/train/fused/program.h"

namespace bitsweep::train::fused {

inline constexpr std::size_t kLanes = 16;  // floats: a cache line

// The memory that a program runs over. Rows are `stride` floats apart, 64-byte aligned.
struct Buffers {
  float* activations = nullptr;          // [activation_rows, stride]
  float* gradients = nullptr;            // [gradient_rows, stride]
  std::size_t stride = 0;                // floats, a multiple of kLanes
  float* parameters = nullptr;           // [parameters]
  float* rounded = nullptr;              // [parameters]: those that are quantized, as they are used
  float* parameter_gradients = nullptr;  // [parameters]
  float* statistics = nullptr;           // running means and variances
  float* saved = nullptr;                // of the last training batch, for its backward pass
  float* folds = nullptr;                // scratch of the gradients of weights
  const float* const* masks = nullptr;   // of each drop: [rows, stride]
  std::int32_t* labels = nullptr;        // [stride]
  float* losses = nullptr;               // [stride]: of each sample of the last tile
};

// Where the samples of a tile come from: row-major features, and labels.
struct Samples {
  const float* x = nullptr;
  const std::int32_t* y = nullptr;
  std::size_t features = 0;
  const std::uint32_t* rows = nullptr;  // which ones, in order; null: `first`, `first` + 1, ...
  std::size_t first = 0;
  std::size_t count = 0;
  std::size_t following = 0;  // entries of `rows` behind these that are worth fetching ahead
};

struct TileSums {
  double loss = 0;           // of the tile's samples
  std::int64_t correct = 0;  // highest output, the first of equals, is the label's
};

// The parameters that are quantized, rounded.
void RoundParameters(const Program& program, const Buffers& buffers);

// Forward, loss and backward for the samples: softmax cross-entropy -log(exp(o_y) / sum exp(o_j))
// of each; parameter_gradients become those of the sum of losses times `loss_scale`, added to what
// is there where `adds` says so. Norms take the tile's statistics and move the running ones.
TileSums TrainTile(const Program& program, const Buffers& buffers, const Samples& samples,
                   float loss_scale, bool adds);

// To be called before the first tile of an evaluation: `saved` becomes the running means and
// deviations.
void BeginEvaluation(const Program& program, const Buffers& buffers);
// Forward in evaluation mode: norms take the running statistics, dropout lets everything through.
// Returns how many samples are classified right; their losses are in buffers.losses.
std::int64_t EvaluateTile(const Program& program, const Buffers& buffers, const Samples& samples);

// Whether this processor has one of the instruction sets; the functions above need it.
bool HasInstructions();
// The one that they run on: "AVX2".
const char* InstructionSet();

}  // namespace bitsweep::train::fused

#endif  // BITSWEEP_WORKER_TRAIN_FUSED_KERNELS_H_
