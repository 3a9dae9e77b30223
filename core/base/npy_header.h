// SPDX-License-Identifier: Apache-2.0
// The header of NumPy's .npy format, versions 1 to 3: magic, version, header length, a Python dict
// literal with descr, fortran_order and shape; then the raw array.
#ifndef BITSWEEP_CORE_BASE_NPY_HEADER_H_
#define BITSWEEP_CORE_BASE_NPY_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace bitsweep {

// The longest header that is read, with what stands before it.
inline constexpr std::size_t kMaxNpyHeaderBytes = (std::size_t{1} << 16) + 12;

struct NpyHeader {
  char byte_order = '<';  // '<', '>', or '|' where it does not matter
  std::string type;       // "f4", "i8", ... ; "O" of pickled objects; at most 32 characters
  bool fortran_order = false;
  std::vector<std::int64_t> shape;  // at most 64 sizes, each from 0 to 2^40
  std::size_t bytes = 0;            // where the array's values begin
};

// The header at the beginning of `bytes`, which may end anywhere after it. InvalidArgument, without
// a name of the file: not an npy file, another version, a header that is cut short or is longer
// than kMaxNpyHeaderBytes, one of no plain array, or with more than NpyHeader holds. Whether the
// type is one that a caller can use is the caller's to check. Pure; never reads outside `bytes`.
absl::StatusOr<NpyHeader> ParseNpyHeader(std::string_view bytes);

// A header of version 1 for little-endian values in row-major order, as NumPy writes it: whole
// multiples of 64 bytes. REQUIRES: at most 32 sizes.
std::string MakeNpyHeader(std::string_view type, const std::vector<std::int64_t>& shape);

}  // namespace bitsweep

#endif  // BITSWEEP_CORE_BASE_NPY_HEADER_H_
