// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_NN_GRAPH_MODULE_H_
#define BITSWEEP_WORKER_NN_GRAPH_MODULE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "core/base/random.h"
#include "core/graph/checkpoint.h"
#include "core/graph/graph.h"

namespace bitsweep::nn {

enum class Mode { kTrain, kEvaluate };

// A graph made executable with LibTorch, CPU, float32. Quantized nodes round their inputs, weight
// and bias before each use; the arithmetic and its result stay float32. All parameters lie one
// after another in one block, in the order of graph.tensors(), and so do their gradients: an
// optimizer walks over one array.
//
// Owned by one thread. The graph must outlive it. Throws what ATen throws (c10::Error).
class GraphModule {
 public:
  // `values` in the order of graph.tensors(), sizes as its shapes. `seed`: dropout masks are drawn
  // from (seed, kDropout, ordinal of the node), stochastic number formats from (seed, kQuantize,
  // ordinal of the node), continued from batch to batch.
  GraphModule(const graph::Graph& graph, const std::vector<graph::TensorValue>& values,
              std::uint64_t seed);

  // x: [rows, input features], contiguous. Returns [rows, output features].
  // kTrain: batch statistics, which also move the running ones; dropout. With gradients unless
  // they are off.
  at::Tensor Forward(const at::Tensor& x, Mode mode);
  // The same; calls `visit` with the position of each node and its inputs, before it runs (and
  // before it quantizes them).
  using Visitor = std::function<void(std::size_t node, const std::vector<at::Tensor>& inputs)>;
  at::Tensor Forward(const at::Tensor& x, Mode mode, const Visitor& visit);
  // The output of one node, from inputs shaped as in the graph, batch included.
  at::Tensor RunNode(std::size_t node, const std::vector<at::Tensor>& inputs, Mode mode);

  // The parameters and, after a backward pass, their gradients, to be set to 0 before the next.
  std::span<float> parameters() { return parameter_block_; }
  std::span<float> gradients() { return gradient_block_; }

  // Parameters and buffers now, in the order of graph.tensors().
  std::vector<graph::TensorValue> Values() const;

 private:
  struct Step {
    const graph::Node* node = nullptr;
    std::vector<std::size_t> inputs;  // positions of nodes
    std::size_t first_tensor = 0;     // of those of the module that the node calls
  };

  at::Tensor Run(const Step& step, const std::vector<at::Tensor>& inputs, Mode mode);
  // The tensor as the node's quantization has it; `format` may be unset.
  at::Tensor Rounded(const Step& step, const at::Tensor& x,
                     const std::optional<graph::NumberFormat>& format);
  at::Tensor BatchNorm(const Step& step, const at::Tensor& x, const graph::BatchNorm1d& op,
                       Mode mode);
  at::Tensor Drop(const Step& step, const at::Tensor& x, double p);

  const graph::Graph& graph_;
  std::vector<Step> steps_;
  std::vector<float> parameter_block_;
  std::vector<float> gradient_block_;
  std::vector<at::Tensor> tensors_;         // graph.tensors(); parameters are views of the block
  std::vector<std::int64_t> batch_counts_;  // num_batches_tracked, by tensor
  std::vector<Random> dropout_;             // by node
  std::vector<Random> rounding_;            // by node
};

}  // namespace bitsweep::nn

#endif  // BITSWEEP_WORKER_NN_GRAPH_MODULE_H_
