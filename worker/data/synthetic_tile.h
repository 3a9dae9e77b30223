// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_DATA_SYNTHETIC_TILE_H_
#define BITSWEEP_WORKER_DATA_SYNTHETIC_TILE_H_

#include <cstdint>

namespace bitsweep::data::internal {

inline constexpr int kTileRows = 256;
inline constexpr int kDrawn = 15;     // features that are drawn
inline constexpr int kFeatures = 16;  // with the one that repeats another
inline constexpr int kClasses = 5;
inline constexpr int kComponents = 4;

// What the fitted table gives, laid out for the tile. See synthetic.cc.
struct SyntheticTables {
  // Highest draw, of 2^32, of each class; of each component of each class.
  std::uint32_t class_limit[kClasses];
  std::uint32_t component_limit[kClasses][kComponents];
  // Of each component: mean, and columns of the Cholesky factor, both padded with zeros.
  alignas(64) float mean[kClasses * kComponents][kFeatures];
  alignas(64) float chol[kClasses * kComponents][kDrawn][kFeatures];
  // Standard normal distribution function at kPhiStep * i - kPhiLimit, and its slope per step.
  static constexpr int kPhiCells = 768;
  static constexpr float kPhiLimit = 6;
  float phi[kPhiCells + 1];
  float phi_slope[kPhiCells + 1];
  // Value of a drawn feature, in raw units, at the start of each cell of the grid of
  // probabilities, its rise over the cell, and the cell's start and inverse width.
  static constexpr int kGridCells = 201;
  float cell_start[kGridCells];
  float cell_inverse[kGridCells];
  float value[kDrawn][kGridCells];
  float rise[kDrawn][kGridCells];
};

// Rows first_row .. first_row + kTileRows - 1: `x` gets [kTileRows, kFeatures] raw values, `y` the
// classes. A pure function of seed and row: the same bits on every machine.
void GenerateTile(const SyntheticTables& tables, std::uint64_t seed, std::uint32_t first_row,
                  float* x, std::int32_t* y);

}  // namespace bitsweep::data::internal

#endif  // BITSWEEP_WORKER_DATA_SYNTHETIC_TILE_H_
