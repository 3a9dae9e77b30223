// SPDX-License-Identifier: Apache-2.0
#include "core/base/random.h"

#include <cmath>
#include <numbers>
#include <utility>

#include "core/base/sha256.h"

namespace bitsweep {

namespace {

// The ten rounds of Philox4x32 on several blocks side by side, counters[word][block]: the rounds of
// one block wait for each other, those of others do not.
template <std::size_t kBlocks>
void PhiloxRounds(std::array<std::array<std::uint32_t, kBlocks>, 4>& counters,
                  std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    for (std::size_t b = 0; b < kBlocks; ++b) {
      const std::uint64_t p = std::uint64_t{0xD2511F53} * counters[0][b];
      const std::uint64_t q = std::uint64_t{0xCD9E8D57} * counters[2][b];
      counters[0][b] = static_cast<std::uint32_t>(q >> 32) ^ counters[1][b] ^ key[0];
      counters[1][b] = static_cast<std::uint32_t>(q);
      counters[2][b] = static_cast<std::uint32_t>(p >> 32) ^ counters[3][b] ^ key[1];
      counters[3][b] = static_cast<std::uint32_t>(p);
    }
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
}

// Lemire's method: the high half of a product, rejecting what would make it uneven.
template <typename Draw>
std::uint32_t Below(std::uint32_t bound, const Draw& draw) {
  std::uint64_t product = std::uint64_t{draw()} * bound;
  if (static_cast<std::uint32_t>(product) < bound) {
    const std::uint32_t threshold = (0u - bound) % bound;
    while (static_cast<std::uint32_t>(product) < threshold) {
      product = std::uint64_t{draw()} * bound;
    }
  }
  return static_cast<std::uint32_t>(product >> 32);
}

}  // namespace

std::array<std::uint32_t, 4> Philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  std::array<std::array<std::uint32_t, 1>, 4> words = {
      {{counter[0]}, {counter[1]}, {counter[2]}, {counter[3]}}};
  PhiloxRounds(words, key);
  return {words[0][0], words[1][0], words[2][0], words[3][0]};
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

void Random::Fill(std::span<std::uint32_t> words) {
  std::size_t at = 0;
  while (at < words.size() && used_ < 4) words[at++] = block_[used_++];
  constexpr std::size_t kBlocks = 8;
  for (; at + 4 * kBlocks <= words.size(); at += 4 * kBlocks) {
    std::array<std::array<std::uint32_t, kBlocks>, 4> c;
    for (std::size_t b = 0; b < kBlocks; ++b) {
      const std::uint64_t index = (std::uint64_t{counter_[1]} << 32 | counter_[0]) + b;
      c[0][b] = static_cast<std::uint32_t>(index);
      c[1][b] = static_cast<std::uint32_t>(index >> 32);
      c[2][b] = counter_[2];
      c[3][b] = counter_[3];
    }
    PhiloxRounds(c, key_);
    for (std::size_t b = 0; b < kBlocks; ++b) {
      for (std::size_t w = 0; w < 4; ++w) words[at + 4 * b + w] = c[w][b];
    }
    const std::uint64_t next = (std::uint64_t{counter_[1]} << 32 | counter_[0]) + kBlocks;
    counter_[0] = static_cast<std::uint32_t>(next);
    counter_[1] = static_cast<std::uint32_t>(next >> 32);
  }
  for (; at < words.size(); ++at) words[at] = NextUint32();
}

void Random::Skip(std::uint64_t count) {
  while (count > 0 && used_ < 4) {
    ++used_;
    --count;
  }
  const std::uint64_t next = (std::uint64_t{counter_[1]} << 32 | counter_[0]) + count / 4;
  counter_[0] = static_cast<std::uint32_t>(next);
  counter_[1] = static_cast<std::uint32_t>(next >> 32);
  for (std::uint64_t i = 0; i < count % 4; ++i) NextUint32();
}

std::uint64_t Random::NextUint64() {
  const std::uint64_t low = NextUint32();
  return low | (std::uint64_t{NextUint32()} << 32);
}

double Random::NextDouble() { return static_cast<double>(NextUint64() >> 11) * 0x1.0p-53; }

float Random::NextFloat() { return static_cast<float>(NextUint32() >> 8) * 0x1.0p-24f; }

std::uint64_t Random::NextBelow(std::uint64_t bound) {
  if (bound <= 0xFFFFFFFFu) {
    return Below(static_cast<std::uint32_t>(bound), [this] { return NextUint32(); });
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

// Draws ahead of the swaps, so that each swap's place can be fetched before its turn; `random` ends
// where drawing one by one would have left it.
void Shuffle(std::span<std::uint32_t> values, Random& random) {
  constexpr std::size_t kWords = 1024;
  constexpr std::size_t kAhead = 16;
  std::array<std::uint32_t, kWords> words;
  Random source = random;
  std::size_t next = kWords;
  std::uint64_t drawn = 0;
  const auto draw = [&] {
    if (next == kWords) {
      source.Fill(words);
      next = 0;
    }
    ++drawn;
    return words[next++];
  };
  std::size_t i = values.size();
  for (; i > 0xFFFFFFFFu; --i) std::swap(values[i - 1], values[random.NextBelow(i)]);
  source = random;
  for (; i > 1; --i) {
    const auto bound = static_cast<std::uint32_t>(i);
    const std::uint32_t chosen = Below(bound, draw);
    if (next + kAhead < kWords) {
      __builtin_prefetch(values.data() + (std::uint64_t{words[next + kAhead]} * bound >> 32));
    }
    std::swap(values[i - 1], values[chosen]);
  }
  random.Skip(drawn);
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
