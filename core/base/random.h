// SPDX-License-Identifier: Apache-2.0
// Counter-based random numbers: every draw is a pure function of (seed, stream, index), so that a
// trial's numbers do not depend on which thread, slot or engine draws them, nor on the order.
#ifndef BITSWEEP_CORE_BASE_RANDOM_H_
#define BITSWEEP_CORE_BASE_RANDOM_H_

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace bitsweep {

// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11).
// `counter` and `key` are little-endian words as in the paper's reference vectors.
std::array<std::uint32_t, 4> Philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

// What a trial draws. Numbers are part of the result's definition: never change or reuse a value.
enum class RandomStream : std::uint32_t {
  kInit = 1,         // initial parameters; substream = ordinal of the parameter in the model
  kShuffle = 2,      // row order; substream = epoch
  kDropout = 3,      // dropout masks; substream = ordinal of the node
  kSplit = 4,        // train / validation split of a data set
  kSynthetic = 5,    // synthetic-jets; substream = row
  kSearch = 6,       // random search; substream = ordinal of the axis
  kRandomInput = 7,  // inputs of verify_quantization; substream = ordinal of the node
  kPrune = 8,        // random pruning; substream = ordinal of the tensor
  kQuantize = 9,     // stochastic number formats; substream = ordinal of the node
};

// A sequence of draws from one (seed, stream, substream): word i is word i % 4 of Philox4x32 with
// counter {low and high half of i / 4, substream, stream} and key {low and high half of seed}.
// Copyable; not thread-safe.
class Random {
 public:
  Random(std::uint64_t seed, RandomStream stream, std::uint32_t substream = 0);

  std::uint32_t NextUint32();
  // The same draws many at a time: words[k] is what the k-th call of NextUint32 would have
  // returned.
  void Fill(std::span<std::uint32_t> words);
  // As if NextUint32 had been called `count` times.
  void Skip(std::uint64_t count);
  std::uint64_t NextUint64();
  // Uniform in [0, 1) with 53 bits.
  double NextDouble();
  // Uniform in [0, 1) with 24 bits: k * 2^-24.
  float NextFloat();
  // Uniform in [0, bound) without bias. REQUIRES: bound > 0.
  std::uint64_t NextBelow(std::uint64_t bound);
  // Standard normal (Box-Muller on NextDouble; draws in pairs).
  double NextNormal();

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;  // of block_
  double spare_normal_ = 0;
  bool has_spare_normal_ = false;
};

// Fisher-Yates, in place, from the end: swaps i with NextBelow(i + 1) for i = n-1 .. 1.
void Shuffle(std::span<std::uint32_t> values, Random& random);

// The first 8 bytes of SHA-256(text), little-endian, with the top bit cleared: 63 bits, so that a
// seed is exact in SQLite, protobuf int64 and JSON tools that read int64.
std::uint64_t SeedFromText(std::string_view text);

}  // namespace bitsweep

#endif  // BITSWEEP_CORE_BASE_RANDOM_H_
