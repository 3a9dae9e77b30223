// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_PASSES_NODE_META_H_
#define BITSWEEP_WORKER_PASSES_NODE_META_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/graph.h"
#include "core/spec/transform_spec.h"

namespace bitsweep::passes {

// A tensor as a node sees it.
struct TensorMeta {
  std::string name;                     // data_in_0, weight, bias, data_out_0
  graph::Shape shape;                   // batch included, [out, in] for a linear weight
  std::string type = "float";           // or the number format
  std::vector<std::int64_t> precision;  // [32], or the format's entries: [8, 4]
  std::string torch_dtype;  // "torch.float32" of inputs and outputs; empty of parameters
  std::string source;       // the node, or the parameter ("fc.weight")
};

// An argument that is no tensor.
struct ScalarArgument {
  std::string name;   // inplace, shape_1
  std::string value;  // as Python prints it: False, -1
};

struct NodeMeta {
  std::string name, fx_op, mase_type, mase_op;
  // Common parameters. placeholder and output have no args, output has no results.
  std::vector<TensorMeta> args;
  std::vector<ScalarArgument> scalars;
  std::vector<TensorMeta> results;
  // Software parameters: the tensors that statistics are kept for. placeholder has only results,
  // output only data_in_0; batch_norm1d has running_mean and running_var here alone.
  std::vector<std::string> software_args, software_results;
};

struct NodeMetaReport {
  std::vector<NodeMeta> nodes;     // in the graph's order
  std::vector<std::string> which;  // "common", "software"
};

// What the lab report's tool prints of each node (docs/passes.md; shapes by shape inference,
// core/graph/shape_inference.h, for pass.batch_size rows); parts that were not asked for
// are empty. A quantized tensor has its format and entries; results stay float [32], those of a
// binary node are binary [32, 0, 1]. InvalidArgument: an unknown part.
absl::StatusOr<NodeMetaReport> ReportNodeMeta(const spec::ReportNodeMetaPass& pass,
                                              const graph::Graph& graph);

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_NODE_META_H_
