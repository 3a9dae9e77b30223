// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_DATA_ROW_ALLOCATOR_H_
#define BITSWEEP_WORKER_DATA_ROW_ALLOCATOR_H_

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <vector>

namespace bitsweep::data {

// Memory for rows that are read in random order: it begins at a cache line, so that a row of 16
// floats is one line and not parts of two; and asks for huge pages where there is much of it, so
// that a read seldom has to look up its page first. Stateless; throws std::bad_alloc.
template <typename T>
struct RowAllocator {
  using value_type = T;

  RowAllocator() = default;
  template <typename U>
  RowAllocator(const RowAllocator<U>& /*other*/) {}  // NOLINT(google-explicit-constructor)

  T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    void* const memory = ::operator new(bytes, Alignment(bytes));
    if (bytes >= kHugePage) {
      const std::size_t whole = bytes / kHugePage * kHugePage;
      static_cast<void>(madvise(memory, whole, MADV_HUGEPAGE));  // a wish: small pages work, too
    }
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t count) {
    ::operator delete(memory, Alignment(count * sizeof(T)));
  }

  template <typename U>
  bool operator==(const RowAllocator<U>& /*other*/) const {
    return true;
  }

 private:
  static constexpr std::size_t kLine = 64;
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  static std::align_val_t Alignment(std::size_t bytes) {
    return std::align_val_t{bytes >= kHugePage ? kHugePage : kLine};
  }
};

template <typename T>
using RowVector = std::vector<T, RowAllocator<T>>;

}  // namespace bitsweep::data

#endif  // BITSWEEP_WORKER_DATA_ROW_ALLOCATOR_H_
