// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/module_runner.h"

#include <torch/types.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "fmt/format.h"
#include "worker/nn/graph_module.h"

namespace bitsweep::nn {
namespace {

// The tensor seen as values; not copied. Const tensors are read only.
at::Tensor Wrap(std::span<const float> values, const graph::Shape& shape) {
  TORCH_CHECK(graph::ElementCount(shape) == static_cast<std::int64_t>(values.size()), values.size(),
              " values for a tensor of shape ", graph::ShapeText(shape));
  return at::from_blob(const_cast<float*>(values.data()), shape, at::kFloat);
}

std::vector<float> Copy(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.contiguous();
  const float* values = dense.data_ptr<float>();
  return {values, values + dense.numel()};
}

class ModuleRunner final : public passes::GraphRunner {
 public:
  ModuleRunner(const graph::Graph& graph, const std::vector<graph::TensorValue>& tensors,
               std::uint64_t seed)
      : graph_(graph), module_(graph_, tensors, seed) {}

  absl::StatusOr<std::vector<float>> Forward(std::span<const float> x, std::int64_t rows) override {
    return Guarded([&] {
      return Copy(module_.Forward(Wrap(x, {rows, graph_.InputFeatures()}), Mode::kEvaluate));
    });
  }

  absl::Status VisitInputs(std::span<const float> x, std::int64_t rows,
                           const std::vector<std::size_t>& wanted,
                           const std::function<void(const passes::NodeInput&)>& visit) override {
    const auto look = [&](std::size_t node, const std::vector<at::Tensor>& inputs) {
      if (std::find(wanted.begin(), wanted.end(), node) == wanted.end()) return;
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        const at::Tensor dense = inputs[i].contiguous();
        visit({.node = node,
               .input = i,
               .shape = dense.sizes().vec(),
               .values = {dense.data_ptr<float>(), static_cast<std::size_t>(dense.numel())}});
      }
    };
    return Guarded([&] {
             module_.Forward(Wrap(x, {rows, graph_.InputFeatures()}), Mode::kEvaluate, look);
             return std::vector<float>();
           })
        .status();
  }

  absl::StatusOr<std::vector<float>> RunNode(std::size_t node,
                                             const std::vector<std::vector<float>>& inputs,
                                             std::int64_t rows) override {
    return Guarded([&] {
      const graph::Node& described = graph_.nodes().at(node);
      std::vector<at::Tensor> tensors;
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        const auto from = static_cast<std::size_t>(graph_.Find(described.inputs.at(i)));
        graph::Shape shape = graph_.sample_shapes()[from];
        shape.insert(shape.begin(), rows);
        tensors.push_back(Wrap(inputs[i], shape));
      }
      return Copy(module_.RunNode(node, tensors, Mode::kEvaluate));
    });
  }

 private:
  template <typename Work>
  static absl::StatusOr<std::vector<float>> Guarded(const Work& work) {
    try {
      const c10::InferenceMode no_gradients;
      return work();
    } catch (const c10::Error& error) {
      return absl::InternalError(error.what_without_backtrace());
    } catch (const std::exception& error) {
      return absl::InternalError(error.what());
    }
  }

  const graph::Graph graph_;
  GraphModule module_;
};

}  // namespace

passes::GraphRunnerFactory ModuleRunners(std::uint64_t seed) {
  return [seed](const graph::Graph& graph, const std::vector<graph::TensorValue>& tensors)
             -> absl::StatusOr<std::unique_ptr<passes::GraphRunner>> {
    try {
      return std::make_unique<ModuleRunner>(graph, tensors, seed);
    } catch (const std::exception& error) {
      return absl::InternalError(fmt::format("{}: {}", graph.name(), error.what()));
    }
  };
}

}  // namespace bitsweep::nn
