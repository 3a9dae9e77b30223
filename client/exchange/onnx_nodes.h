// SPDX-License-Identifier: Apache-2.0
// Used inside this room.
#ifndef BITSWEEP_CLIENT_EXCHANGE_ONNX_NODES_H_
#define BITSWEEP_CLIENT_EXCHANGE_ONNX_NODES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/exchange/export.h"
#include "client/exchange/onnx_builder.h"
#include "core/base/errors.h"
#include "core/graph/graph.h"

namespace bitsweep::exchange {

// The names of the tensors that one ONNX node reads: `inputs` as in the graph, the module's own by
// the graph's tensor names. A quantizer in front puts its own output in their place.
struct NodeInputs {
  std::vector<std::string> data;
  std::string weight;  // linear and conv1d
  std::string bias;    // the same; empty without one
};

// Writes the nodes of a graph one by one: its input and output, one ONNX node for each of the
// graph's, named like it, and the tensors by their names.
class OnnxNodes {
 public:
  // Keeps references to all three. Reserves the names of nodes and tensors.
  OnnxNodes(const graph::Graph& graph, const std::vector<graph::TensorValue>& tensors,
            OnnxBuilder& builder);

  // The tensor that holds what the node computes: its name, "output" for what the output reads.
  const std::string& TensorOf(const std::string& node) const;
  // What the node reads when nothing is quantized.
  NodeInputs InputsOf(const graph::Node& node) const;

  // The graph's input and output, and the shapes in between.
  void WriteValues();
  // Initializers of all float32 tensors.
  void WriteTensors();
  // One node. REQUIRES: neither placeholder nor output.
  void WriteNode(const graph::Node& node, const NodeInputs& inputs);
  // An Identity where the output is the placeholder itself; else nothing.
  void WriteOutput();

 private:
  const graph::Graph& graph_;
  const std::vector<graph::TensorValue>& tensors_;
  OnnxBuilder& builder_;
  std::vector<std::string> outputs_;  // by node
};

// What ONNX itself has no place for, as metadata: the graph, batch counts, where the model is from.
void AddModelMetadata(const ExportInput& input, const graph::Graph& graph, OnnxBuilder& builder);

// Whether the node's quantization changes any value.
bool IsQuantized(const graph::Node& node);

// InvalidArgument / NOT_EXPORTABLE with all violations, whose fields are nodes and their tensors.
// REQUIRES: not empty.
absl::Status NotExportable(std::vector<FieldViolation> violations);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_ONNX_NODES_H_
