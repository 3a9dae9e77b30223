// SPDX-License-Identifier: Apache-2.0
// Used inside this room.
#ifndef BITSWEEP_CLIENT_EXCHANGE_ONNX_NETWORK_H_
#define BITSWEEP_CLIENT_EXCHANGE_ONNX_NETWORK_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/exchange/onnx_value.h"
#include "core/graph/checkpoint.h"
#include "core/graph/graph.h"

namespace bitsweep::exchange {

// One tensor of a module: "weight" and what it holds.
struct ModuleTensor {
  std::string leaf;
  OnnxValue value;
};

// Builds a graph, and its tensors, of nodes that come one after another: gives them names, makes
// modules of those with tensors (one module of all nodes with one op that read the same tensors),
// and places the rounding that values wait for.
class OnnxNetwork {
 public:
  // The placeholder.
  void SetInput(const std::string& onnx_name, graph::Shape sample_shape);

  // One node, of which ONNX's is called `onnx_name`; `tensors` makes it a module. InvalidArgument:
  // shapes that do not fit, values that wait for a rounding which this op cannot do.
  absl::StatusOr<OnnxValue> Add(const std::string& onnx_name, graph::Op op,
                                const std::vector<OnnxValue>& inputs,
                                std::vector<ModuleTensor> tensors = {});
  // Gives the linear node that `product` is a bias. REQUIRES: product.is_unbiased_product.
  absl::StatusOr<OnnxValue> AddBias(const OnnxValue& product, const OnnxValue& bias);

  // REQUIRES: SetInput.
  const std::string& InputName() const { return steps_.front().node.name; }
  const graph::Shape& ShapeOf(const OnnxValue& value) const { return places_.at(value.node).shape; }

  // REQUIRES: the last call. InvalidArgument: what Graph::Create says.
  absl::StatusOr<graph::Checkpoint> Finish(const std::string& graph_name,
                                           const std::string& output_name, const OnnxValue& output);

 private:
  struct Step {
    graph::Node node;
    std::vector<ModuleTensor> tensors;
  };
  struct Place {
    std::size_t step = 0;
    graph::Shape shape;  // of one sample
  };
  std::string UniqueNodeName(const std::string& wanted);
  // Gives each module its path; the tensors by their names.
  std::map<std::string, const ModuleTensor*> PlaceModules();

  std::vector<Step> steps_;
  std::map<std::string, Place> places_;  // by node
  std::set<std::string> names_;
  std::map<std::string, int> repeats_;  // of wanted names
};

// `text` as an identifier: what is none becomes an underscore; "" for nothing that could be kept.
std::string ToIdentifier(std::string_view text);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_ONNX_NETWORK_H_
