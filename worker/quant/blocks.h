// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_QUANT_BLOCKS_H_
#define BITSWEEP_WORKER_QUANT_BLOCKS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/number_format.h"
#include "core/graph/op.h"

namespace bitsweep::quant {

// A tensor of up to three dimensions divided into tiles. The last tiles of a dimension may be
// smaller (as if padded with zeros, which change no maximum).
struct BlockGrid {
  std::array<std::size_t, 3> shape{}, tile{}, tiles{};  // tiles: their number in each dimension
  std::size_t count() const { return tiles[0] * tiles[1] * tiles[2]; }
};

// Calls run(block, begin, size) for each stretch of elements, row-major, that lies in one block.
template <typename Run>
void ForEachRun(const BlockGrid& grid, Run run) {
  const auto& [shape, tile, tiles] = grid;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < shape[0]; ++i) {
    for (std::size_t j = 0; j < shape[1]; ++j) {
      std::size_t block = (i / tile[0] * tiles[1] + j / tile[1]) * tiles[2];
      for (std::size_t k = 0; k < shape[2]; k += tile[2], ++block) {
        const std::size_t size = std::min(tile[2], shape[2] - k);
        run(block, begin, size);
        begin += size;
      }
    }
  }
}

// The block's shape is `blocks.size` right-aligned with the tensor's: extra leading sizes are
// dropped, missing ones are the whole dimension, and so is -1 or more than the dimension. With
// skip_first_dim dimension 0 is blocked by 1. InvalidArgument: a rank of 1 with skip_first_dim, of
// 3 without it, or of more than 3.
absl::StatusOr<BlockGrid> DivideIntoBlocks(const graph::Blocks& blocks, const graph::Shape& shape);

// The largest absolute value of each block; where that is 0 the smallest other one of the tensor,
// or 1 when all are 0.
std::vector<float> BlockMaxima(const BlockGrid& grid, std::span<const float> x);

}  // namespace bitsweep::quant

#endif  // BITSWEEP_WORKER_QUANT_BLOCKS_H_
