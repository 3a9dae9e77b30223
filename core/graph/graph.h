// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_GRAPH_GRAPH_H_
#define BITSWEEP_CORE_GRAPH_GRAPH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/number_format.h"
#include "core/graph/op.h"

namespace bitsweep::graph {

// As torch.fx names them.
enum class NodeKind { kPlaceholder, kGetAttr, kCallFunction, kCallMethod, kCallModule, kOutput };
std::string_view Name(NodeKind kind);  // "placeholder", ..., "output"

// One line of the graph. A module's `target` is its path ("seq_blocks.2"), its node's name the same
// with underscores ("seq_blocks_2"); a function's or method's target is its name ("relu", "add",
// "view").
struct Node {
  std::string name;
  NodeKind kind = NodeKind::kCallModule;
  std::string target;
  Op op;
  std::vector<std::string> inputs;  // names of earlier nodes
  Shape sample_shape;               // placeholder only: the shape of one sample, {16} or {1, 16}
  std::optional<NodeQuantization> quantization;  // of linear, conv1d, relu and add
  bool operator==(const Node&) const = default;
};

// A tensor that a node owns: "seq_blocks.0.weight".
enum class TensorRole { kParameter, kBuffer };
struct TensorInfo {
  std::string name;
  TensorRole role = TensorRole::kParameter;
  Shape shape;              // {} for num_batches_tracked
  bool is_int64 = false;    // num_batches_tracked; everything else is float32
  std::string node;         // the node that owns it
  std::int64_t fan_in = 0;  // > 0: initialised U(-1/sqrt(fan_in), 1/sqrt(fan_in)); 0: a constant
  double constant = 0;      // the initial value when fan_in is 0
};

// A checked, immutable network in single-assignment form: nodes in execution order, exactly one
// placeholder (first) and one output (last), names unique, inputs earlier, shapes consistent.
//
// Make one with Graph::Create, core/graph/zoo.h or core/graph/graph_json.h.
// Thread-safe (immutable). Value type.
class Graph {
 public:
  // InvalidArgument that names the node for: unknown or repeated names, dangling or later inputs (a
  // cycle cannot be written otherwise), wrong input counts, kinds that do not go with ops, shapes
  // that do not fit, sizes that are not positive, more than kMaxNodes nodes or kMaxElements
  // elements.
  static absl::StatusOr<Graph> Create(std::string name, std::vector<Node> nodes);

  static constexpr std::int64_t kMaxNodes = 10'000;
  static constexpr std::int64_t kMaxElements = 1 << 28;  // parameters, or activations of one sample

  const std::string& name() const { return name_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const Node& placeholder() const { return nodes_.front(); }

  // Shape of one sample after each node, in node order.
  const std::vector<Shape>& sample_shapes() const { return sample_shapes_; }
  const Shape& input_shape() const { return sample_shapes_.front(); }
  // Product of the input's sizes; and of the output's (the classes).
  std::int64_t InputFeatures() const;
  std::int64_t OutputFeatures() const;

  // Parameters and buffers in the framework's order (module registration = first use; weight, bias,
  // running_mean, running_var, num_batches_tracked).
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  // Elements of all parameters (buffers do not count).
  std::int64_t ParameterCount() const;

  // Index of the node, or -1.
  int Find(std::string_view node_name) const;

  bool operator==(const Graph& other) const {
    return name_ == other.name_ && nodes_ == other.nodes_;
  }

 private:
  Graph() = default;
  std::string name_;
  std::vector<Node> nodes_;
  std::vector<Shape> sample_shapes_;
  std::vector<TensorInfo> tensors_;
};

// Elements of a shape; 1 for {}.
std::int64_t ElementCount(const Shape& shape);
// "[16, 5]".
std::string ShapeText(const Shape& shape);

}  // namespace bitsweep::graph

#endif  // BITSWEEP_CORE_GRAPH_GRAPH_H_
