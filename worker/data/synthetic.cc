// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <vector>

#include "worker/data/loaders.h"
#include "worker/data/synthetic_tile.h"
#include "worker/data/table_builder.h"

namespace bitsweep::data {
namespace {

#include "worker/data/synthetic_table.inc"

using internal::kClasses;
using internal::kComponents;
using internal::kDrawn;
using internal::kFeatures;
using internal::kTileRows;
using internal::SyntheticTables;

constexpr int kPoints = SyntheticTables::kGridCells + 1;
static_assert(std::size(kGrid) == kPoints);
static_assert(std::size(kQuantiles) == kFeatures * kPoints);
static_assert(std::size(kMean) == kClasses * kComponents * kDrawn);

constexpr const char* kNames[kFeatures] = {
    "j_zlogz",         "j_c1_b0_mmdt",    "j_c1_b1_mmdt", "j_c1_b2_mmdt",
    "j_c2_b1_mmdt",    "j_c2_b2_mmdt",    "j_d2_b1_mmdt", "j_d2_b2_mmdt",
    "j_d2_a1_b1_mmdt", "j_d2_a1_b2_mmdt", "j_m2_b1_mmdt", "j_m2_b2_mmdt",
    "j_n2_b1_mmdt",    "j_n2_b2_mmdt",    "j_mass_mmdt",  "j_multiplicity"};
constexpr const char* kClassNames[kClasses] = {"g", "q", "w", "z", "t"};

// limits[i]: a 32-bit draw above it belongs to a later part. Parts in proportion to `weights`.
void SetLimits(const double* weights, int count, std::uint32_t* limits) {
  double sum = 0;
  for (int i = 0; i < count; ++i) sum += weights[i];
  double up_to = 0;
  for (int i = 0; i < count; ++i) {
    up_to += weights[i] / sum;
    limits[i] = static_cast<std::uint32_t>(std::min(up_to * 0x1p32, 0x1p32 - 1));
  }
  limits[count - 1] = 0xFFFFFFFFU;
}

std::unique_ptr<const SyntheticTables> MakeTables() {
  auto tables = std::make_unique<SyntheticTables>();
  SetLimits(kClassFraction, kClasses, tables->class_limit);
  const double* factor = kChol;  // rows of the lower triangle, one component after another
  for (int k = 0; k < kClasses * kComponents; ++k) {
    if (k % kComponents == 0) {
      SetLimits(kWeight + k, kComponents, tables->component_limit[k / kComponents]);
    }
    for (int f = 0; f < kDrawn; ++f) {
      tables->mean[k][f] = static_cast<float>(kMean[k * kDrawn + f]);
      for (int j = 0; j <= f; ++j) tables->chol[k][j][f] = static_cast<float>(*factor++);
    }
  }
  const double step = 2.0 * SyntheticTables::kPhiLimit / SyntheticTables::kPhiCells;
  for (int i = 0; i <= SyntheticTables::kPhiCells; ++i) {
    const double u = i * step - SyntheticTables::kPhiLimit;
    tables->phi[i] = static_cast<float>(0.5 * std::erfc(-u / std::sqrt(2.0)));
    tables->phi_slope[i] =
        static_cast<float>(step * std::exp(-u * u / 2) / std::sqrt(2 * 3.14159265358979323846));
  }
  for (int g = 0; g < SyntheticTables::kGridCells; ++g) {
    tables->cell_start[g] = static_cast<float>(kGrid[g]);
    tables->cell_inverse[g] = static_cast<float>(1 / (kGrid[g + 1] - kGrid[g]));
  }
  for (int f = 0; f < kDrawn; ++f) {
    const int column = f < 8 ? f : f + 1;  // 8 repeats 6
    const double* quantiles = kQuantiles + column * kPoints;
    for (int g = 0; g < SyntheticTables::kGridCells; ++g) {
      tables->value[f][g] =
          static_cast<float>(quantiles[g] * kFeatureScale[column] + kFeatureMean[column]);
      tables->rise[f][g] =
          static_cast<float>((quantiles[g + 1] - quantiles[g]) * kFeatureScale[column]);
    }
  }
  return tables;
}

}  // namespace

Table GenerateSyntheticJets(std::int64_t rows, std::int64_t seed) {
  static const SyntheticTables& tables = *MakeTables().release();  // lives as long as the program
  Table table;
  table.rows = rows;
  table.features = kFeatures;
  table.classes = kClasses;
  table.feature_names.assign(std::begin(kNames), std::end(kNames));
  table.class_names.assign(std::begin(kClassNames), std::end(kClassNames));
  table.x.resize(static_cast<std::size_t>(rows * kFeatures));
  table.y.resize(static_cast<std::size_t>(rows));
  std::vector<float> rest_x(kTileRows * kFeatures);
  std::vector<std::int32_t> rest_y(kTileRows);
  for (std::int64_t row = 0; row < rows; row += kTileRows) {
    const std::int64_t left = std::min<std::int64_t>(rows - row, kTileRows);
    float* x = left == kTileRows ? table.x.data() + row * kFeatures : rest_x.data();
    std::int32_t* y = left == kTileRows ? table.y.data() + row : rest_y.data();
    internal::GenerateTile(tables, static_cast<std::uint64_t>(seed),
                           static_cast<std::uint32_t>(row), x, y);
    if (left == kTileRows) continue;
    std::copy_n(x, left * kFeatures, table.x.data() + row * kFeatures);
    std::copy_n(y, left, table.y.data() + row);
  }
  table.digest = DigestOf(table);
  return table;
}

}  // namespace bitsweep::data
