// SPDX-License-Identifier: Apache-2.0
#include "core/base/random.h"

#include <cmath>
#include <numbers>
#include <utility>

#include "core/base/sha256.h"

namespace bitsweep {

std::array<std::uint32_t, 4> Philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

Random::Random(std::uint64_t seed, RandomStream stream, std::uint32_t substream)
    : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
      counter_{0, 0, substream, static_cast<std::uint32_t>(stream)} {}

std::uint32_t Random::NextUint32() {
  if (used_ == 4) {
    block_ = Philox4x32(counter_, key_);
    used_ = 0;
    if (++counter_[0] == 0) ++counter_[1];
  }
  return block_[used_++];
}

std::uint64_t Random::NextUint64() {
  const std::uint64_t low = NextUint32();
  return low | (std::uint64_t{NextUint32()} << 32);
}

double Random::NextDouble() { return static_cast<double>(NextUint64() >> 11) * 0x1.0p-53; }

float Random::NextFloat() { return static_cast<float>(NextUint32() >> 8) * 0x1.0p-24f; }

std::uint64_t Random::NextBelow(std::uint64_t bound) {
  // Lemire's method: the high half of a product, rejecting what would make it uneven.
  if (bound <= 0xFFFFFFFFu) {
    const auto bound32 = static_cast<std::uint32_t>(bound);
    std::uint64_t product = std::uint64_t{NextUint32()} * bound32;
    if (static_cast<std::uint32_t>(product) < bound32) {
      const std::uint32_t threshold = (0u - bound32) % bound32;
      while (static_cast<std::uint32_t>(product) < threshold) {
        product = std::uint64_t{NextUint32()} * bound32;
      }
    }
    return product >> 32;
  }
  const std::uint64_t limit = (0 - bound) % bound;
  while (true) {
    const std::uint64_t draw = NextUint64();
    if (draw >= limit) return draw % bound;
  }
}

double Random::NextNormal() {
  if (has_spare_normal_) {
    has_spare_normal_ = false;
    return spare_normal_;
  }
  const double radius = std::sqrt(-2.0 * std::log(1.0 - NextDouble()));
  const double angle = 2.0 * std::numbers::pi * NextDouble();
  spare_normal_ = radius * std::sin(angle);
  has_spare_normal_ = true;
  return radius * std::cos(angle);
}

void Shuffle(std::span<std::uint32_t> values, Random& random) {
  for (std::size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[random.NextBelow(i)]);
  }
}

std::uint64_t SeedFromText(std::string_view text) {
  Sha256 sha;
  sha.Update(text);
  const Sha256Digest digest = sha.Finish();
  std::uint64_t seed = 0;
  for (int i = 7; i >= 0; --i) seed = (seed << 8) | digest[i];
  return seed & 0x7FFFFFFFFFFFFFFFu;
}

}  // namespace bitsweep
