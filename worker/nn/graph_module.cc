// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/graph_module.h"

#include <torch/types.h>

#include <map>
#include <string>
#include <utility>
#include <variant>

#include "worker/nn/fake_quantize.h"

namespace bitsweep::nn {
namespace {

using graph::TensorRole;

// A parameter inside the block: a leaf that gradients are kept for, in the gradients' block.
at::Tensor ViewOf(float* values, float* gradients, const graph::Shape& shape) {
  at::Tensor parameter = at::from_blob(values, shape, at::kFloat);
  parameter.set_requires_grad(true);
  parameter.mutable_grad() = at::from_blob(gradients, shape, at::kFloat);
  return parameter;
}

}  // namespace

GraphModule::GraphModule(const graph::Graph& graph, const std::vector<graph::TensorValue>& values,
                         std::uint64_t seed)
    : graph_(graph) {
  parameter_block_.reserve(static_cast<std::size_t>(graph.ParameterCount()));
  gradient_block_.assign(static_cast<std::size_t>(graph.ParameterCount()), 0.0F);
  const std::vector<graph::TensorInfo>& infos = graph.tensors();
  for (std::size_t t = 0; t < infos.size(); ++t) {
    at::Tensor tensor;
    if (infos[t].role == TensorRole::kParameter) {
      const std::size_t offset = parameter_block_.size();
      parameter_block_.insert(parameter_block_.end(), values[t].f32.begin(), values[t].f32.end());
      tensor =
          ViewOf(parameter_block_.data() + offset, gradient_block_.data() + offset, infos[t].shape);
    } else if (!infos[t].is_int64) {
      tensor = at::empty(infos[t].shape, at::kFloat);
      std::copy(values[t].f32.begin(), values[t].f32.end(), tensor.data_ptr<float>());
    }
    tensors_.push_back(std::move(tensor));
    batch_counts_.push_back(infos[t].is_int64 ? values[t].i64.at(0) : 0);
  }

  // By module: several nodes may call one.
  std::map<std::string, std::size_t> first_tensor;
  for (std::size_t t = infos.size(); t-- > 0;) {
    first_tensor[infos[t].name.substr(0, infos[t].name.rfind('.'))] = t;
  }
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const graph::Node& node = graph.nodes()[n];
    Step step{.node = &node};
    for (const std::string& input : node.inputs) {
      step.inputs.push_back(static_cast<std::size_t>(graph.Find(input)));
    }
    const auto first = first_tensor.find(node.target);
    if (node.kind == graph::NodeKind::kCallModule && first != first_tensor.end()) {
      step.first_tensor = first->second;
    }
    steps_.push_back(std::move(step));
    dropout_.emplace_back(seed, RandomStream::kDropout, static_cast<std::uint32_t>(n));
    rounding_.emplace_back(seed, RandomStream::kQuantize, static_cast<std::uint32_t>(n));
  }
}

at::Tensor GraphModule::BatchNorm(const Step& step, const at::Tensor& x,
                                  const graph::BatchNorm1d& op, Mode mode) {
  const std::size_t t = step.first_tensor;  // weight, bias, mean, variance, batches
  if (mode == Mode::kTrain) ++batch_counts_[t + 4];
  return at::batch_norm(x, tensors_[t], tensors_[t + 1], tensors_[t + 2], tensors_[t + 3],
                        mode == Mode::kTrain, op.momentum, op.eps, /*cudnn_enabled=*/false);
}

at::Tensor GraphModule::Drop(const Step& step, const at::Tensor& x, double p) {
  Random& random = dropout_[static_cast<std::size_t>(step.node - graph_.nodes().data())];
  at::Tensor mask = at::empty(x.sizes(), at::kFloat);
  const float keep = static_cast<float>(1 / (1 - p));
  float* values = mask.data_ptr<float>();
  const std::int64_t count = mask.numel();
  for (std::int64_t i = 0; i < count; ++i) {
    values[i] = static_cast<double>(random.NextFloat()) < p ? 0.0F : keep;
  }
  return x * mask;
}

at::Tensor GraphModule::Rounded(const Step& step, const at::Tensor& x,
                                const std::optional<graph::NumberFormat>& format) {
  if (!format) return x;
  return FakeQuantize(x, *format,
                      rounding_[static_cast<std::size_t>(step.node - graph_.nodes().data())]);
}

at::Tensor GraphModule::Run(const Step& step, const std::vector<at::Tensor>& inputs, Mode mode) {
  const std::size_t t = step.first_tensor;
  static const graph::NodeQuantization kFull;
  const auto& quantization = step.node->quantization;
  const graph::NodeQuantization& q = quantization && !quantization->bypass ? *quantization : kFull;
  const auto bias = [&](bool has_bias) {
    return has_bias ? c10::make_optional(Rounded(step, tensors_[t + 1], q.bias))
                    : c10::optional<at::Tensor>();
  };
  const at::Tensor x = Rounded(step, inputs.front(), q.data_in);
  return std::visit(
      [&](const auto& op) -> at::Tensor {
        using Op = std::decay_t<decltype(op)>;
        if constexpr (std::is_same_v<Op, graph::Linear>) {
          return at::linear(x, Rounded(step, tensors_[t], q.weight), bias(op.bias));
        } else if constexpr (std::is_same_v<Op, graph::Conv1d>) {
          return at::conv1d(x, Rounded(step, tensors_[t], q.weight), bias(op.bias), op.stride,
                            op.padding);
        } else if constexpr (std::is_same_v<Op, graph::BatchNorm1d>) {
          return BatchNorm(step, x, op, mode);
        } else if constexpr (std::is_same_v<Op, graph::Relu>) {
          return at::relu(x);
        } else if constexpr (std::is_same_v<Op, graph::Sigmoid>) {
          return at::sigmoid(x);
        } else if constexpr (std::is_same_v<Op, graph::Add>) {
          return at::add(x, Rounded(step, inputs.back(), q.data_in));
        } else if constexpr (std::is_same_v<Op, graph::View>) {
          graph::Shape shape = op.shape;
          shape.front() = x.size(0);
          return x.reshape(shape);
        } else if constexpr (std::is_same_v<Op, graph::Flatten>) {
          return at::flatten(x, op.start_dim);
        } else if constexpr (std::is_same_v<Op, graph::Dropout>) {
          return mode == Mode::kTrain && op.p > 0 ? Drop(step, x, op.p) : x;
        } else {
          return x;  // output
        }
      },
      step.node->op);
}

at::Tensor GraphModule::Forward(const at::Tensor& x, Mode mode) {
  return Forward(x, mode, [](std::size_t, const std::vector<at::Tensor>&) {});
}

at::Tensor GraphModule::Forward(const at::Tensor& x, Mode mode, const Visitor& visit) {
  std::vector<at::Tensor> results(steps_.size());
  graph::Shape shape = graph_.input_shape();
  shape.insert(shape.begin(), x.size(0));
  results[0] = x.view(shape);
  std::vector<at::Tensor> inputs;
  for (std::size_t n = 1; n < steps_.size(); ++n) {
    inputs.clear();
    for (const std::size_t input : steps_[n].inputs) inputs.push_back(results[input]);
    visit(n, inputs);
    results[n] = Run(steps_[n], inputs, mode);
  }
  return results.back().reshape({x.size(0), graph_.OutputFeatures()});
}

at::Tensor GraphModule::RunNode(std::size_t node, const std::vector<at::Tensor>& inputs,
                                Mode mode) {
  return Run(steps_.at(node), inputs, mode);
}

std::vector<graph::TensorValue> GraphModule::Values() const {
  std::vector<graph::TensorValue> values;
  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    const graph::TensorInfo& info = graph_.tensors()[t];
    graph::TensorValue value{.name = info.name};
    if (info.is_int64) {
      value.i64 = {batch_counts_[t]};
    } else {
      const float* data = tensors_[t].data_ptr<float>();
      value.f32.assign(data, data + tensors_[t].numel());
    }
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace bitsweep::nn
