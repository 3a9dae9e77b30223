// SPDX-License-Identifier: Apache-2.0
// The inner loops of synthetic-jets: 32-bit arithmetic over tiles of rows, written so that the
// compiler makes vector loops of them. Compiled without fused multiply-add (CMakeLists.txt): every
// vector width gives the same bits.
#include "worker/data/synthetic_tile.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/base/random.h"

// Vector widths are chosen at run time, where the compiler can and no sanitizer minds.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(BITSWEEP_SANITIZED)
#define BITSWEEP_VECTOR_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define BITSWEEP_VECTOR_CLONES
#endif

namespace bitsweep::data::internal {
namespace {

constexpr int kBlocks = 5;  // Philox blocks of a row: block 0 chooses, the others are normal
constexpr int kNormals = kFeatures;  // 8 pairs; the last is not used

struct Tile {
  alignas(64) std::uint32_t words[kBlocks][4][kTileRows];
  alignas(64) float normal[kNormals][kTileRows];
  alignas(64) float score[kFeatures][kTileRows];  // normal scores of the drawn features
};

// Philox4x32-10 for each row: counter {block, 0, row, stream}, key = seed (core/base/random.h).
BITSWEEP_VECTOR_CLONES void DrawWords(std::uint64_t seed, std::uint32_t first_row,
                                      std::uint32_t block, std::uint32_t (*out)[kTileRows]) {
  for (int r = 0; r < kTileRows; ++r) {
    std::uint32_t c0 = block;
    std::uint32_t c1 = 0;
    std::uint32_t c2 = first_row + static_cast<std::uint32_t>(r);
    std::uint32_t c3 = static_cast<std::uint32_t>(RandomStream::kSynthetic);
    std::uint32_t k0 = static_cast<std::uint32_t>(seed);
    std::uint32_t k1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c0;
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c2;
      c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
      c1 = static_cast<std::uint32_t>(p1);
      c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c3 = static_cast<std::uint32_t>(p0);
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    out[0][r] = c0;
    out[1][r] = c1;
    out[2][r] = c2;
    out[3][r] = c3;
  }
}

// -ln(u) for u = (word >> 8 | 1/2) * 2^-24 in (0, 1): exponent and a polynomial of
// 2 atanh((m - 1) / (m + 1)) for the mantissa m in [sqrt(1/2), sqrt(2)); relative error below 1e-6.
inline float MinusLog(std::uint32_t word) {
  const float u = (static_cast<float>(static_cast<std::int32_t>(word >> 8)) + 0.5F) * 0x1p-24F;
  const std::int32_t bits = std::bit_cast<std::int32_t>(u);
  const std::int32_t shifted = bits - 0x3F3504F3;  // sqrt(1/2)
  const std::int32_t exponent = shifted >> 23;
  const float m = std::bit_cast<float>(bits - exponent * (1 << 23));
  const float s = (m - 1.0F) / (m + 1.0F);
  const float z = s * s;
  const float series =
      2.0F * s * (1.0F + z * (0.333333333F + z * (0.2F + z * (0.142857143F + z * 0.111111111F))));
  return -(static_cast<float>(exponent) * 0.693147181F + series);
}

// Box-Muller on two words: radius sqrt(-2 ln u), angle 2 pi v. The angle's quarter and rest are
// exact; sine and cosine of the rest, in [-pi/4, pi/4), are Taylor polynomials (error below 4e-7).
BITSWEEP_VECTOR_CLONES void DrawNormals(const std::uint32_t* u, const std::uint32_t* v,
                                        float* first, float* second) {
  for (int r = 0; r < kTileRows; ++r) {
    const float radius = std::sqrt(2.0F * MinusLog(u[r]));
    const std::uint32_t turned = v[r] + 0x20000000U;  // an eighth of a turn: rest is centred
    const std::uint32_t quarter = turned >> 30;
    const float rest =
        static_cast<float>(static_cast<std::int32_t>((turned & 0x3FFFFFFFU) >> 6) - 0x00800000) *
        (1.57079633F * 0x1p-24F);
    const float z = rest * rest;
    const float sine =
        rest * (1.0F - z * (0.166666667F - z * (8.33333333e-3F - z * 1.98412698e-4F)));
    const float cosine =
        1.0F - z * (0.5F - z * (4.16666667e-2F - z * (1.38888889e-3F - z * 2.48015873e-5F)));
    const bool swap = (quarter & 1U) != 0;
    const float a = swap ? sine : cosine;
    const float b = swap ? cosine : sine;
    // Quarters 1 and 2 turn the sign of the cosine, 2 and 3 that of the sine.
    const float cosine_sign = ((quarter + 1U) & 2U) != 0 ? -1.0F : 1.0F;
    const float sine_sign = (quarter & 2U) != 0 ? -1.0F : 1.0F;
    first[r] = radius * cosine_sign * a;
    second[r] = radius * sine_sign * b;
  }
}

// score = mean + chol * normal, each row with the component it drew.
BITSWEEP_VECTOR_CLONES void Mix(const SyntheticTables& tables, const std::int32_t* component,
                                Tile& tile) {
  for (int r = 0; r < kTileRows; ++r) {
    const int k = component[r];
    alignas(64) float u[kFeatures];
    for (int f = 0; f < kFeatures; ++f) u[f] = tables.mean[k][f];
    for (int j = 0; j < kDrawn; ++j) {
      const float e = tile.normal[j][r];
      const float* column = tables.chol[k][j];
      for (int f = 0; f < kFeatures; ++f) u[f] += column[f] * e;
    }
    for (int f = 0; f < kFeatures; ++f) tile.score[f][r] = u[f];
  }
}

// Phi by cubic interpolation of its table (error below 1e-7), then the feature's quantile by linear
// interpolation between the grid's points.
BITSWEEP_VECTOR_CLONES void ToFeature(const SyntheticTables& tables, int feature,
                                      const float* score, float* out) {
  constexpr float kStepInverse = SyntheticTables::kPhiCells / (2 * SyntheticTables::kPhiLimit);
  const float* value = tables.value[feature];
  const float* rise = tables.rise[feature];
  for (int r = 0; r < kTileRows; ++r) {
    const float at = (score[r] + SyntheticTables::kPhiLimit) * kStepInverse;
    const float inside =
        std::min(std::max(at, 0.0F), static_cast<float>(SyntheticTables::kPhiCells) - 0.001F);
    const std::int32_t cell = static_cast<std::int32_t>(inside);
    const float t = inside - static_cast<float>(cell);
    const float p0 = tables.phi[cell];
    const float p1 = tables.phi[cell + 1];
    const float d0 = tables.phi_slope[cell];
    const float d1 = tables.phi_slope[cell + 1];
    const float difference = p1 - p0;
    const float p =
        p0 +
        t * (d0 + t * (3.0F * difference - 2.0F * d0 - d1 + t * (d0 + d1 - 2.0F * difference)));
    const std::int32_t raw = static_cast<std::int32_t>(p * SyntheticTables::kGridCells);
    const std::int32_t g = std::min(std::max(raw, 0), SyntheticTables::kGridCells - 1);
    const float fraction = (p - tables.cell_start[g]) * tables.cell_inverse[g];
    out[r] = value[g] + rise[g] * std::min(std::max(fraction, 0.0F), 1.0F);
  }
}

}  // namespace

void GenerateTile(const SyntheticTables& tables, std::uint64_t seed, std::uint32_t first_row,
                  float* x, std::int32_t* y) {
  thread_local Tile tile;
  for (int block = 0; block < kBlocks; ++block) {
    DrawWords(seed, first_row, static_cast<std::uint32_t>(block), tile.words[block]);
  }
  for (int pair = 0; pair < kNormals / 2; ++pair) {
    const auto& words = tile.words[1 + pair / 2];
    const int half = 2 * (pair % 2);
    DrawNormals(words[half], words[half + 1], tile.normal[2 * pair], tile.normal[2 * pair + 1]);
  }
  std::int32_t component[kTileRows];
  for (int r = 0; r < kTileRows; ++r) {
    std::int32_t c = 0;
    for (int i = 0; i + 1 < kClasses; ++i) c += tile.words[0][0][r] > tables.class_limit[i];
    std::int32_t k = 0;
    for (int i = 0; i + 1 < kComponents; ++i) {
      k += tile.words[0][1][r] > tables.component_limit[c][i];
    }
    y[r] = c;
    component[r] = c * kComponents + k;
  }
  Mix(tables, component, tile);

  alignas(64) float column[kTileRows];
  constexpr int kRepeats = 6;   // d2_b1_mmdt ...
  constexpr int kRepeated = 8;  // ... is d2_a1_b1_mmdt too
  for (int f = 0; f < kDrawn; ++f) {
    ToFeature(tables, f, tile.score[f], column);
    const int place = f < kRepeated ? f : f + 1;
    for (int r = 0; r < kTileRows; ++r) x[r * kFeatures + place] = column[r];
    if (f == kRepeats) {
      for (int r = 0; r < kTileRows; ++r) x[r * kFeatures + kRepeated] = column[r];
    }
  }
  for (int r = 0; r < kTileRows; ++r) {  // multiplicity is a count
    float& multiplicity = x[r * kFeatures + kFeatures - 1];
    multiplicity = std::nearbyint(multiplicity);
  }
}

}  // namespace bitsweep::data::internal
