// SPDX-License-Identifier: Apache-2.0
// The operations a graph may hold, as plain values.
#ifndef BITSWEEP_CORE_GRAPH_OP_H_
#define BITSWEEP_CORE_GRAPH_OP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bitsweep::graph {

// Sizes of one sample or one tensor, without the batch dimension unless said otherwise.
using Shape = std::vector<std::int64_t>;

// y = x W^T + b. x [B, in], W [out, in], b [out], y [B, out].
struct Linear {
  std::int64_t in_features = 0;
  std::int64_t out_features = 0;
  bool bias = true;
  bool operator==(const Linear&) const = default;
};
// Cross-correlation over the last dimension. x [B, in, L], W [out, in, kernel], b [out],
// y [B, out, (L + 2 padding - kernel) / stride + 1]. Zero padding.
struct Conv1d {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  std::int64_t kernel_size = 1;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  bool bias = true;
  bool operator==(const Conv1d&) const = default;
};
// y = (x - mean) / sqrt(var + eps) * weight + bias over dimension 1 of [B, C] or [B, C, L]; batch
// statistics (biased variance) in training, running ones in evaluation; running_var takes the
// unbiased variance.
struct BatchNorm1d {
  std::int64_t num_features = 0;
  double eps = 1e-5;
  double momentum = 0.1;
  bool operator==(const BatchNorm1d&) const = default;
};
struct Relu {
  bool inplace = false;
  bool operator==(const Relu&) const = default;
};
struct Sigmoid {
  bool operator==(const Sigmoid&) const = default;
};
// y = a + b, equal shapes.
struct Add {
  bool operator==(const Add&) const = default;
};
// Row-major reshape; `shape` is written as the framework's view, batch dimension included: {-1,
// 256}.
struct View {
  std::vector<std::int64_t> shape;
  bool operator==(const View&) const = default;
};
// Joins the dimensions from `start_dim` (batch is 0; at least 1) to the last into one.
struct Flatten {
  std::int64_t start_dim = 1;
  bool operator==(const Flatten&) const = default;
};
// Training: zeroes each element with probability p and scales the rest by 1 / (1 - p). Evaluation:
// identity.
struct Dropout {
  double p = 0.5;
  bool operator==(const Dropout&) const = default;
};
// What follows a classifier's last layer, where a model leaves the choice.
enum class OutputActivation { kNone, kRelu, kSigmoid };
std::string_view Name(OutputActivation activation);  // "none", "relu", "sigmoid"
std::optional<OutputActivation> ParseOutputActivation(std::string_view name);

// Only of placeholder and output nodes.
struct NoOp {
  bool operator==(const NoOp&) const = default;
};

using Op =
    std::variant<NoOp, Linear, Conv1d, BatchNorm1d, Relu, Sigmoid, Add, View, Flatten, Dropout>;

// "linear", "conv1d", "batch_norm1d", "relu", "sigmoid", "add", "view", "flatten", "dropout",
// "none".
std::string_view OpName(const Op& op);
// How many inputs the op takes (a placeholder, which has none, is NoOp like an output).
int InputCount(const Op& op);

}  // namespace bitsweep::graph

#endif  // BITSWEEP_CORE_GRAPH_OP_H_
