// SPDX-License-Identifier: Apache-2.0
// Rows in, rows out: what the tests of the graph module need of LibTorch.
#ifndef BITSWEEP_TESTS_WORKER_NN_MODULE_RUN_H_
#define BITSWEEP_TESTS_WORKER_NN_MODULE_RUN_H_

#include <ATen/ops/from_blob.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/graph/graph.h"
#include "worker/nn/graph_module.h"

namespace bitsweep::nn {

// The outputs of `rows` rows, flat. `x` holds them one after another.
inline std::vector<float> Outputs(GraphModule& module, std::vector<float> x, std::int64_t rows,
                                  Mode mode) {
  const std::int64_t features = static_cast<std::int64_t>(x.size()) / rows;
  const at::Tensor input = at::from_blob(x.data(), {rows, features}, at::kFloat);
  const at::Tensor output = module.Forward(input, mode).detach().contiguous();
  const float* values = output.data_ptr<float>();
  return {values, values + output.numel()};
}

// A graph of modules (and views) one after another, named m1, m2, ...
inline graph::Graph Chain(graph::Shape sample, std::vector<graph::Op> ops) {
  std::vector<graph::Node> nodes = {{.name = "x",
                                     .kind = graph::NodeKind::kPlaceholder,
                                     .target = "x",
                                     .sample_shape = std::move(sample)}};
  for (graph::Op& op : ops) {
    const std::string name = "m" + std::to_string(nodes.size());
    nodes.push_back({.name = name,
                     .kind = std::holds_alternative<graph::View>(op) ? graph::NodeKind::kCallMethod
                                                                     : graph::NodeKind::kCallModule,
                     .target = std::holds_alternative<graph::View>(op) ? "view" : name,
                     .op = std::move(op),
                     .inputs = {nodes.back().name}});
  }
  nodes.push_back({.name = "output",
                   .kind = graph::NodeKind::kOutput,
                   .target = "output",
                   .inputs = {nodes.back().name}});
  return graph::Graph::Create("chain", std::move(nodes)).value();
}

}  // namespace bitsweep::nn

#endif  // BITSWEEP_TESTS_WORKER_NN_MODULE_RUN_H_
