// SPDX-License-Identifier: Apache-2.0
// What number formats accept: ranges of their fields, and tensors that they can go over.
#ifndef BITSWEEP_CORE_GRAPH_QUANTIZATION_CHECK_H_
#define BITSWEEP_CORE_GRAPH_QUANTIZATION_CHECK_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/graph/graph.h"
#include "core/graph/number_format.h"

namespace bitsweep::graph {

// A field of a format that is out of range.
struct FormatProblem {
  std::string entry;  // "width", "block_size[1]", as users write it
  std::string why;    // "33: expected 1 to 32"
};

// Every field out of range: widths 1 to 32, fractions -32 to 32, exponents of 1 to 8 bits that
// leave the mantissa its bits, biases -256 to 256 (more where the exponent has more), shared biases
// of 1 to 16 bits, blocks -1 or at least 1 (mx: at least 1). Pure.
std::vector<FormatProblem> CheckRanges(const NumberFormat& format);

// Why `format` cannot quantize a tensor of this shape, batch included (its size does not count);
// empty when it can. Blocks: one dimension only without skip_first_dim, two either way, three only
// with it, no more; mx: the last dimension in whole blocks. Pure. REQUIRES: CheckRanges is empty.
std::string TensorProblem(const NumberFormat& format, const Shape& shape);

// Whether nodes of this op can be quantized: linear, conv1d, relu, add.
bool IsQuantizable(const Op& op);
// Whether a quantized node of this op has a weight and, where the op says so, a bias.
bool HasWeight(const Op& op);
bool HasBias(const Op& op);

// Whether node.quantization fits node.op and the shape of one sample of its inputs.
// InvalidArgument without the node's name: an op that cannot be quantized, an unknown format,
// tensors of another format or that the op does not have, and all of the above. Pure.
absl::Status CheckQuantization(const Node& node, const Shape& input_sample_shape);

}  // namespace bitsweep::graph

#endif  // BITSWEEP_CORE_GRAPH_QUANTIZATION_CHECK_H_
