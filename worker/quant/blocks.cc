// SPDX-License-Identifier: Apache-2.0
#include "worker/quant/blocks.h"

#include <algorithm>
#include <cmath>

#include "core/graph/graph.h"
#include "fmt/format.h"

namespace bitsweep::quant {

absl::StatusOr<BlockGrid> DivideIntoBlocks(const graph::Blocks& blocks, const graph::Shape& shape) {
  const std::size_t rank = shape.size();
  const bool fits =
      rank == 2 || (rank == 1 && !blocks.skip_first_dim) || (rank == 3 && blocks.skip_first_dim);
  if (!fits) {
    return absl::InvalidArgumentError(fmt::format(
        "a tensor of shape {} cannot be divided into blocks {} the first dimension: expected 1 or "
        "2 dimensions, or 2 or 3 without the first",
        graph::ShapeText(shape), blocks.skip_first_dim ? "without" : "over"));
  }
  BlockGrid grid{.shape = {1, 1, 1}, .tile = {1, 1, 1}, .tiles = {1, 1, 1}};
  for (std::size_t i = 0; i < rank; ++i) {  // from the right
    const auto of_dimension = static_cast<std::size_t>(shape[rank - 1 - i]);
    std::size_t tile = of_dimension;
    if (i < blocks.size.size()) {
      const std::int64_t size = blocks.size[blocks.size.size() - 1 - i];
      if (size > 0) tile = std::min(tile, static_cast<std::size_t>(size));
    }
    if (blocks.skip_first_dim && i + 1 == rank) tile = 1;
    grid.shape[2 - i] = of_dimension;
    grid.tile[2 - i] = std::max<std::size_t>(tile, 1);
    grid.tiles[2 - i] = (of_dimension + grid.tile[2 - i] - 1) / grid.tile[2 - i];
  }
  return grid;
}

std::vector<float> BlockMaxima(const BlockGrid& grid, std::span<const float> x) {
  std::vector<float> maxima(grid.count(), 0.0F);
  ForEachRun(grid, [&](std::size_t block, std::size_t begin, std::size_t size) {
    float maximum = maxima[block];
    for (const float value : x.subspan(begin, size)) maximum = std::max(maximum, std::fabs(value));
    maxima[block] = maximum;
  });
  float smallest = 0;
  for (const float maximum : maxima) {
    if (maximum > 0 && (smallest == 0 || maximum < smallest)) smallest = maximum;
  }
  std::replace(maxima.begin(), maxima.end(), 0.0F, smallest == 0 ? 1.0F : smallest);
  return maxima;
}

}  // namespace bitsweep::quant
