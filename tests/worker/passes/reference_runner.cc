// SPDX-License-Identifier: Apache-2.0
#include "tests/worker/passes/reference_runner.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <utility>

#include "core/graph/zoo.h"
#include "worker/quant/quantize.h"

namespace bitsweep::testing {
namespace {

using passes::Network;
using Values = std::vector<float>;

// One node, one row.
class RowComputer {
 public:
  RowComputer(const std::map<std::string, Values>& tensors, const std::vector<Values>& inputs,
              const graph::Shape& output)
      : tensors_(tensors), inputs_(inputs), output_(output) {}

  Values operator()(const graph::NoOp&) const { return inputs_.front(); }
  Values operator()(const graph::View&) const { return inputs_.front(); }
  Values operator()(const graph::Flatten&) const { return inputs_.front(); }
  Values operator()(const graph::Dropout&) const { return inputs_.front(); }
  Values operator()(const graph::Relu&) const {
    return Map([](double x) { return x > 0 ? x : 0; });
  }
  Values operator()(const graph::Sigmoid&) const {
    return Map([](double x) { return 1 / (1 + std::exp(-x)); });
  }
  Values operator()(const graph::Add&) const {
    Values sum = inputs_[0];
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += inputs_[1][i];
    return sum;
  }
  Values operator()(const graph::Linear& op) const {
    Values y;
    for (std::int64_t out = 0; out < op.out_features; ++out) {
      double sum = op.bias ? At("bias", out) : 0;
      for (std::int64_t in = 0; in < op.in_features; ++in) {
        sum += X(in) * At("weight", out * op.in_features + in);
      }
      y.push_back(static_cast<float>(sum));
    }
    return y;
  }
  Values operator()(const graph::Conv1d& op) const {
    const auto length = static_cast<std::int64_t>(inputs_.front().size()) / op.in_channels;
    Values y;
    for (std::int64_t out = 0; out < op.out_channels; ++out) {
      for (std::int64_t position = 0; position < output_.back(); ++position) {
        double sum = op.bias ? At("bias", out) : 0;
        for (std::int64_t in = 0; in < op.in_channels; ++in) {
          for (std::int64_t k = 0; k < op.kernel_size; ++k) {
            const std::int64_t from = position * op.stride + k - op.padding;
            if (from < 0 || from >= length) continue;
            sum += X(in * length + from) *
                   At("weight", (out * op.in_channels + in) * op.kernel_size + k);
          }
        }
        y.push_back(static_cast<float>(sum));
      }
    }
    return y;
  }
  Values operator()(const graph::BatchNorm1d& op) const {
    const auto size = static_cast<std::int64_t>(inputs_.front().size()) / op.num_features;
    Values y;
    for (std::int64_t c = 0; c < op.num_features; ++c) {
      const double deviation = std::sqrt(At("running_var", c) + op.eps);
      for (std::int64_t i = 0; i < size; ++i) {
        const double x = X(c * size + i) - At("running_mean", c);
        y.push_back(static_cast<float>(x / deviation * At("weight", c) + At("bias", c)));
      }
    }
    return y;
  }

 private:
  template <typename F>
  Values Map(const F& f) const {
    Values y = inputs_.front();
    for (float& value : y) value = static_cast<float>(f(value));
    return y;
  }
  double X(std::int64_t i) const { return inputs_.front()[static_cast<std::size_t>(i)]; }
  double At(const std::string& leaf, std::int64_t i) const {
    return tensors_.at(leaf)[static_cast<std::size_t>(i)];
  }

  const std::map<std::string, Values>& tensors_;
  const std::vector<Values>& inputs_;
  const graph::Shape& output_;
};

class ReferenceRunner final : public passes::GraphRunner {
 public:
  explicit ReferenceRunner(Network network)
      : network_(std::move(network)), tensors_(passes::TensorsOfNodes(network_.graph)) {}

  absl::StatusOr<Values> Forward(std::span<const float> x, std::int64_t rows) override {
    Values outputs;
    absl::Status status = Run(x, rows, nullptr, &outputs);
    if (!status.ok()) return status;
    return outputs;
  }
  absl::Status VisitInputs(std::span<const float> x, std::int64_t rows,
                           const std::vector<std::size_t>& wanted,
                           const std::function<void(const passes::NodeInput&)>& visit) override {
    const Visit look = [&](std::size_t node, const std::vector<Values>& inputs) {
      if (std::find(wanted.begin(), wanted.end(), node) == wanted.end()) return;
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        const graph::Shape shape = passes::Batched(InputShape(node, i), rows);
        visit({.node = node, .input = i, .shape = shape, .values = inputs[i]});
      }
    };
    return Run(x, rows, look, nullptr);
  }
  absl::StatusOr<Values> RunNode(std::size_t node, const std::vector<Values>& inputs,
                                 std::int64_t rows) override {
    const graph::Node& described = network_.graph.nodes()[node];
    std::map<std::string, Values> tensors;
    for (const passes::NodeTensor& tensor : tensors_[node]) {
      Values values = network_.tensors[tensor.index].f32;
      if (const auto* format = passes::FormatOf(described, tensor.leaf)) {
        const graph::Shape& shape = network_.graph.tensors()[tensor.index].shape;
        absl::Status status = quant::Quantize(*format, shape, values, values, nullptr);
        if (!status.ok()) return status;
      }
      tensors[tensor.leaf] = std::move(values);
    }
    std::vector<Values> given = inputs;
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (const auto* format = passes::FormatOf(described, "data_in")) {
        const graph::Shape shape = passes::Batched(InputShape(node, i), rows);
        absl::Status status = quant::Quantize(*format, shape, given[i], given[i], nullptr);
        if (!status.ok()) return status;
      }
    }
    Values outputs;
    for (std::int64_t row = 0; row < rows; ++row) {
      std::vector<Values> of_row;
      for (const Values& input : given) {
        const auto size = static_cast<std::ptrdiff_t>(input.size()) / rows;
        of_row.emplace_back(input.begin() + row * size, input.begin() + (row + 1) * size);
      }
      const RowComputer compute(tensors, of_row, network_.graph.sample_shapes()[node]);
      const Values y = std::visit(compute, described.op);
      outputs.insert(outputs.end(), y.begin(), y.end());
    }
    return outputs;
  }

 private:
  using Visit = std::function<void(std::size_t, const std::vector<Values>&)>;

  const graph::Shape& InputShape(std::size_t node, std::size_t input) const {
    const std::string& from = network_.graph.nodes()[node].inputs[input];
    return network_.graph.sample_shapes()[static_cast<std::size_t>(network_.graph.Find(from))];
  }

  absl::Status Run(std::span<const float> x, std::int64_t rows, const Visit& look,
                   Values* outputs) {
    std::map<std::string, Values> values;
    const std::vector<graph::Node>& nodes = network_.graph.nodes();
    values[nodes.front().name] = Values(x.begin(), x.end());
    for (std::size_t i = 1; i < nodes.size(); ++i) {
      std::vector<Values> inputs;
      for (const std::string& from : nodes[i].inputs) inputs.push_back(values.at(from));
      if (look) look(i, inputs);
      absl::StatusOr<Values> y = RunNode(i, inputs, rows);
      if (!y.ok()) return y.status();
      values[nodes[i].name] = *std::move(y);
    }
    if (outputs != nullptr) *outputs = values.at(nodes.back().name);
    return absl::OkStatus();
  }

  const Network network_;
  const std::vector<std::vector<passes::NodeTensor>> tensors_;
};

}  // namespace

passes::GraphRunnerFactory ReferenceRunners() {
  return [](const graph::Graph& graph, const std::vector<graph::TensorValue>& tensors)
             -> absl::StatusOr<std::unique_ptr<passes::GraphRunner>> {
    return std::make_unique<ReferenceRunner>(Network{graph, tensors});
  };
}

Network SampleNetwork(const graph::Graph& graph) {
  Network network{graph, {}};
  for (std::size_t t = 0; t < graph.tensors().size(); ++t) {
    const graph::TensorInfo& info = graph.tensors()[t];
    graph::TensorValue value{.name = info.name, .f32 = {}, .i64 = {}};
    const auto elements = static_cast<std::size_t>(graph::ElementCount(info.shape));
    if (info.is_int64) {
      value.i64.assign(elements, 3);
    } else {
      const bool positive = info.name.ends_with("running_var");
      for (std::size_t i = 0; i < elements; ++i) {
        const double x = std::sin(0.7 * static_cast<double>(i) + static_cast<double>(t) + 1);
        value.f32.push_back(static_cast<float>(positive ? 1 + x / 2 : x));
      }
    }
    network.tensors.push_back(std::move(value));
  }
  return network;
}

Network SampleNetwork(std::string_view builtin) {
  return SampleNetwork(graph::BuildModel(builtin, {}).value());
}

std::vector<float>& TensorOf(Network& network, std::string_view name) {
  const auto found = std::find_if(network.tensors.begin(), network.tensors.end(),
                                  [&](const auto& tensor) { return tensor.name == name; });
  return found->f32;
}

const graph::Node& NodeOf(const graph::Graph& graph, std::string_view name) {
  return graph.nodes().at(static_cast<std::size_t>(graph.Find(name)));
}

Network WithIntegers(const Network& network, std::int64_t width, std::int64_t frac_width) {
  std::vector<graph::Node> nodes = network.graph.nodes();
  const graph::NumberFormat format = graph::IntegerFormat{.width = width, .frac_width = frac_width};
  for (graph::Node& node : nodes) {
    const auto* linear = std::get_if<graph::Linear>(&node.op);
    const auto* conv = std::get_if<graph::Conv1d>(&node.op);
    if (linear == nullptr && conv == nullptr) continue;
    const bool bias = linear != nullptr ? linear->bias : conv->bias;
    graph::NodeQuantization q{.format = "integer", .data_in = format, .weight = format};
    if (bias) q.bias = format;
    node.quantization = q;
  }
  return {Rebuild(network.graph, std::move(nodes)), network.tensors};
}

graph::Graph Rebuild(const graph::Graph& graph, std::vector<graph::Node> nodes) {
  return graph::Graph::Create(graph.name(), std::move(nodes)).value();
}

}  // namespace bitsweep::testing
