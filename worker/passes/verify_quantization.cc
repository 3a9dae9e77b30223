// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/verify_quantization.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "core/graph/report.h"
#include "fmt/format.h"
#include "worker/quant/quantize.h"

namespace bitsweep::passes {
namespace {

std::vector<float> Leading(const std::vector<float>& values, std::int64_t show) {
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(show, 0));
  return {values.begin(),
          values.begin() + static_cast<std::ptrdiff_t>(std::min(most, values.size()))};
}

absl::Status Named(const graph::Node& node, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      fmt::format("node \"{}\": {}", node.name, std::string(status.message())));
}

// The same graph without number formats.
absl::StatusOr<graph::Graph> FullPrecision(const graph::Graph& graph) {
  std::vector<graph::Node> nodes = graph.nodes();
  for (graph::Node& node : nodes) node.quantization.reset();
  return graph::Graph::Create(graph.name(), std::move(nodes));
}

absl::StatusOr<QuantizedTensor> OfTensor(const Network& network, std::size_t node_index,
                                         const NodeTensor& tensor, std::int64_t show,
                                         std::uint64_t seed) {
  const graph::Node& node = network.graph.nodes()[node_index];
  const graph::NumberFormat& format = *FormatOf(node, tensor.leaf);
  const std::vector<float>& original = network.tensors[tensor.index].f32;
  const graph::Shape& shape = network.graph.tensors()[tensor.index].shape;
  std::vector<float> quantized(original.size());
  Random random(seed, RandomStream::kQuantize, static_cast<std::uint32_t>(node_index));
  RETURN_IF_ERROR(Named(node, quant::Quantize(format, shape, original, quantized, &random)));
  return QuantizedTensor{.node = node.name,
                         .tensor = tensor.leaf,
                         .format = graph::FormatText(format),
                         .shape = shape,
                         .width = graph::ElementBits(format),
                         .original = Leading(original, show),
                         .quantized = Leading(quantized, show),
                         .step = Step(format),
                         .error = MeasureError(format, original, quantized),
                         .histogram = MakeHistogram(format, original, quantized)};
}

bool Fits(const graph::Graph& graph, const graph::Node& node, std::size_t values) {
  return std::any_of(node.inputs.begin(), node.inputs.end(), [&](const std::string& from) {
    const graph::Shape& shape = graph.sample_shapes()[static_cast<std::size_t>(graph.Find(from))];
    return static_cast<std::size_t>(graph::ElementCount(shape)) == values;
  });
}

// What the node is fed: one list an input.
std::vector<std::vector<float>> Inputs(const graph::Graph& graph, std::size_t node_index,
                                       const std::vector<double>& given, std::uint64_t seed) {
  Random random(seed, RandomStream::kRandomInput, static_cast<std::uint32_t>(node_index));
  std::vector<std::vector<float>> inputs;
  for (const std::string& from : graph.nodes()[node_index].inputs) {
    const graph::Shape& shape = graph.sample_shapes()[static_cast<std::size_t>(graph.Find(from))];
    std::vector<float> input(static_cast<std::size_t>(graph::ElementCount(shape)));
    const bool fits = input.size() == given.size();
    for (std::size_t i = 0; i < input.size(); ++i) {
      input[i] = static_cast<float>(fits ? given[i] : random.NextNormal());
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

}  // namespace

absl::StatusOr<QuantizationReport> VerifyQuantization(const spec::VerifyQuantizationPass& pass,
                                                      const Network& network, std::uint64_t seed,
                                                      const GraphRunnerFactory& make_runner,
                                                      const std::function<bool()>& should_stop) {
  QuantizationReport report;
  const std::vector<graph::Node>& nodes = network.graph.nodes();
  if (std::none_of(nodes.begin(), nodes.end(), IsQuantized)) return report;
  ASSIGN_OR_RETURN(const graph::Graph full, FullPrecision(network.graph));
  ASSIGN_OR_RETURN(const std::unique_ptr<GraphRunner> original, make_runner(full, network.tensors));
  ASSIGN_OR_RETURN(const std::unique_ptr<GraphRunner> current,
                   make_runner(network.graph, network.tensors));
  const std::vector<std::vector<NodeTensor>> tensors = TensorsOfNodes(network.graph);
  bool given_fits = pass.input.empty();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (should_stop && should_stop()) return absl::CancelledError("stopped while verifying");
    if (!IsQuantized(nodes[i])) continue;
    given_fits = given_fits || Fits(network.graph, nodes[i], pass.input.size());
    for (const NodeTensor& tensor : tensors[i]) {
      if (FormatOf(nodes[i], tensor.leaf) == nullptr) continue;
      ASSIGN_OR_RETURN(QuantizedTensor measured, OfTensor(network, i, tensor, pass.show, seed));
      report.tensors.push_back(std::move(measured));
    }
    const std::vector<std::vector<float>> inputs = Inputs(network.graph, i, pass.input, seed);
    ASSIGN_OR_RETURN(const std::vector<float> before, original->RunNode(i, inputs, 1));
    ASSIGN_OR_RETURN(const std::vector<float> now, current->RunNode(i, inputs, 1));
    std::vector<float> fed;
    for (const std::vector<float>& input : inputs)
      fed.insert(fed.end(), input.begin(), input.end());
    report.outputs.push_back({.node = nodes[i].name,
                              .original_type = graph::TypeText(full.nodes()[i]),
                              .quantized_type = graph::TypeText(nodes[i]),
                              .input = Leading(fed, pass.show),
                              .original = Leading(before, pass.show),
                              .quantized = Leading(now, pass.show)});
  }
  if (!given_fits) {
    return absl::InvalidArgumentError(
        fmt::format("input: {} numbers are no input of a quantized node", pass.input.size()));
  }
  return report;
}

}  // namespace bitsweep::passes
