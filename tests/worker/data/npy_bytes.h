// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_TESTS_WORKER_DATA_NPY_BYTES_H_
#define BITSWEEP_TESTS_WORKER_DATA_NPY_BYTES_H_

#include <string>
#include <vector>

#include "fmt/format.h"

namespace bitsweep::data {

inline std::string NpyHeader(const std::string& descr, const std::string& shape,
                             const std::string& order = "False", int version = 1) {
  std::string dict =
      fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}", descr, order, shape);
  const std::size_t start = version == 1 ? 10 : 12;
  while ((start + dict.size() + 1) % 64 != 0) dict += ' ';
  dict += '\n';
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  for (std::size_t i = 0; i < start - 8; ++i) bytes += static_cast<char>(dict.size() >> (8 * i));
  return bytes + dict;
}

// The bytes of an .npy file.
template <typename T>
std::string Npy(const std::string& descr, const std::string& shape, const std::vector<T>& values,
                const std::string& order = "False", int version = 1) {
  std::string bytes = NpyHeader(descr, shape, order, version);
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  return bytes;
}

}  // namespace bitsweep::data

#endif  // BITSWEEP_TESTS_WORKER_DATA_NPY_BYTES_H_
