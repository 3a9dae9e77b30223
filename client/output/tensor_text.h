// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_OUTPUT_TENSOR_TEXT_H_
#define BITSWEEP_CLIENT_OUTPUT_TENSOR_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

namespace bitsweep::client {

// The leading values of a tensor of `shape` as PyTorch prints tensors: "tensor([[ 0.0625, -0.0000],
// ...])", four decimals, lines of 80 columns, more than 1000 elements cut to three at each edge.
// Where values are not there, "..." stands for them. Pure. REQUIRES: no more values than elements.
std::string TensorText(const std::vector<double>& values, const std::vector<std::int64_t>& shape);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_OUTPUT_TENSOR_TEXT_H_
