// SPDX-License-Identifier: Apache-2.0
// Used inside this room.
#ifndef BITSWEEP_CORE_GRAPH_RAW_BYTES_H_
#define BITSWEEP_CORE_GRAPH_RAW_BYTES_H_

#include <bit>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace bitsweep::graph {

static_assert(std::endian::native == std::endian::little, "the files' numbers are little-endian");

// The number at `offset`. REQUIRES: it lies inside.
template <typename T>
T ReadAt(std::string_view bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace bitsweep::graph

#endif  // BITSWEEP_CORE_GRAPH_RAW_BYTES_H_
