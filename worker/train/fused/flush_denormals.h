// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_TRAIN_FUSED_FLUSH_DENORMALS_H_
#define BITSWEEP_WORKER_TRAIN_FUSED_FLUSH_DENORMALS_H_

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace bitsweep::train::fused {

// While it lives, this thread's arithmetic takes floats below 1.2e-38 for 0, and gives 0 for them.
// The moments of a unit that is off shrink until they are such numbers, and stay there: some
// processors take a hundred times as long for each operation on them.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : before_(_mm_getcsr()) {
    _mm_setcsr(before_ | kFlushToZero | kDenormalsAreZero);
  }
  ~FlushDenormals() { _mm_setcsr(before_); }
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(before_));
    asm volatile("msr fpcr, %0" : : "r"(before_ | (std::uint64_t{1} << 24)));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" : : "r"(before_)); }
#else
  FlushDenormals() = default;
#endif
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
#if defined(__x86_64__)
  static constexpr std::uint32_t kFlushToZero = 0x8000;
  static constexpr std::uint32_t kDenormalsAreZero = 0x0040;
  const std::uint32_t before_;
#elif defined(__aarch64__)
  std::uint64_t before_ = 0;
#endif
};

}  // namespace bitsweep::train::fused

#endif  // BITSWEEP_WORKER_TRAIN_FUSED_FLUSH_DENORMALS_H_
