// SPDX-License-Identifier: Apache-2.0
#include "tests/worker/train/fused/reference.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <variant>

#include "core/base/random.h"

namespace bitsweep::train::fused {
namespace {

using Batch = std::vector<std::vector<double>>;  // [row][element]

class ScalarNetwork {
 public:
  ScalarNetwork(const graph::Graph& graph, const Doubles& tensors, ReferenceMode mode,
                std::uint64_t seed)
      : graph_(graph), mode_(mode), seed_(seed) {
    for (std::size_t t = 0; t < tensors.size(); ++t) {
      tensors_[graph.tensors()[t].name] = &tensors[t];
    }
  }

  Batch Run(const Batch& x) {
    std::vector<Batch> values(graph_.nodes().size());
    values[0] = x;
    for (std::size_t n = 1; n < graph_.nodes().size(); ++n) {
      const graph::Node& node = graph_.nodes()[n];
      const int input = graph_.Find(node.inputs.front());
      const Batch& a = values[static_cast<std::size_t>(input)];
      const Batch& b = values[static_cast<std::size_t>(graph_.Find(node.inputs.back()))];
      values[n] = Apply(n, node, a, b, graph_.sample_shapes()[static_cast<std::size_t>(input)]);
    }
    return values.back();
  }

 private:
  const std::vector<double>& Tensor(const graph::Node& node, const char* name) const {
    return *tensors_.at(node.target + name);
  }

  static Batch Map(const Batch& a, const auto& f) {
    Batch y = a;
    for (auto& row : y) {
      for (double& v : row) v = f(v);
    }
    return y;
  }

  Batch Apply(std::size_t n, const graph::Node& node, const Batch& a, const Batch& b,
              const graph::Shape& shape) const {
    if (const auto* op = std::get_if<graph::Linear>(&node.op)) return Linear(node, *op, a);
    if (const auto* op = std::get_if<graph::Conv1d>(&node.op)) {
      return Conv(node, *op, a, shape.back());
    }
    if (const auto* op = std::get_if<graph::BatchNorm1d>(&node.op)) return Norm(node, *op, a);
    if (std::holds_alternative<graph::Relu>(node.op)) {
      return Map(a, [](double v) { return std::max(v, 0.0); });
    }
    if (std::holds_alternative<graph::Sigmoid>(node.op)) {
      return Map(a, [](double v) { return 1 / (1 + std::exp(-v)); });
    }
    if (std::holds_alternative<graph::Add>(node.op)) {
      Batch y = a;
      for (std::size_t r = 0; r < y.size(); ++r) {
        for (std::size_t i = 0; i < y[r].size(); ++i) y[r][i] += b[r][i];
      }
      return y;
    }
    const auto* dropout = std::get_if<graph::Dropout>(&node.op);
    if (dropout != nullptr && mode_ == ReferenceMode::kTrain) {
      Random random(seed_, RandomStream::kDropout, static_cast<std::uint32_t>(n));
      return Map(a, [&](double v) {
        return static_cast<double>(random.NextFloat()) < dropout->p ? 0.0 : v / (1 - dropout->p);
      });
    }
    return a;
  }

  Batch Linear(const graph::Node& node, const graph::Linear& op, const Batch& a) const {
    const auto in = static_cast<std::size_t>(op.in_features);
    const auto out = static_cast<std::size_t>(op.out_features);
    Batch y(a.size(), std::vector<double>(out));
    for (std::size_t r = 0; r < a.size(); ++r) {
      for (std::size_t o = 0; o < out; ++o) {
        y[r][o] = op.bias ? Tensor(node, ".bias")[o] : 0;
        for (std::size_t i = 0; i < in; ++i)
          y[r][o] += Tensor(node, ".weight")[o * in + i] * a[r][i];
      }
    }
    return y;
  }

  Batch Conv(const graph::Node& node, const graph::Conv1d& op, const Batch& a,
             std::int64_t length) const {
    const std::int64_t out_length = (length + 2 * op.padding - op.kernel_size) / op.stride + 1;
    Batch y(a.size());
    for (std::size_t r = 0; r < a.size(); ++r) {
      for (std::int64_t o = 0; o < op.out_channels; ++o) {
        for (std::int64_t q = 0; q < out_length; ++q) {
          double sum = op.bias ? Tensor(node, ".bias")[static_cast<std::size_t>(o)] : 0;
          for (std::int64_t c = 0; c < op.in_channels; ++c) {
            for (std::int64_t t = 0; t < op.kernel_size; ++t) {
              const std::int64_t p = q * op.stride + t - op.padding;
              if (p < 0 || p >= length) continue;
              const std::int64_t w = (o * op.in_channels + c) * op.kernel_size + t;
              sum += Tensor(node, ".weight")[static_cast<std::size_t>(w)] *
                     a[r][static_cast<std::size_t>(c * length + p)];
            }
          }
          y[r].push_back(sum);
        }
      }
    }
    return y;
  }

  Batch Norm(const graph::Node& node, const graph::BatchNorm1d& op, const Batch& a) const {
    Batch y = a;
    const auto channels = static_cast<std::size_t>(op.num_features);
    const std::size_t positions = a.front().size() / channels;
    const double n = static_cast<double>(a.size() * positions);
    for (std::size_t c = 0; c < channels; ++c) {
      double mean = Tensor(node, ".running_mean")[c];
      double variance = Tensor(node, ".running_var")[c];
      const auto over = [&](const auto& f) {
        double sum = 0;
        for (const auto& row : a) {
          for (std::size_t p = 0; p < positions; ++p) sum += f(row[c * positions + p]);
        }
        return sum / n;
      };
      if (mode_ == ReferenceMode::kTrain) {
        mean = over([](double v) { return v; });
        variance = over([&](double v) { return (v - mean) * (v - mean); });
      }
      const double scale = Tensor(node, ".weight")[c] / std::sqrt(variance + op.eps);
      for (auto& row : y) {
        for (std::size_t p = 0; p < positions; ++p) {
          double& v = row[c * positions + p];
          v = (v - mean) * scale + Tensor(node, ".bias")[c];
        }
      }
    }
    return y;
  }

  const graph::Graph& graph_;
  const ReferenceMode mode_;
  const std::uint64_t seed_;
  std::map<std::string, const std::vector<double>*> tensors_;
};

}  // namespace

Doubles ToDoubles(const std::vector<graph::TensorValue>& tensors) {
  Doubles doubles;
  for (const graph::TensorValue& t : tensors) doubles.emplace_back(t.f32.begin(), t.f32.end());
  return doubles;
}

double ReferenceLoss(const graph::Graph& graph, const Doubles& tensors, std::span<const float> x,
                     std::span<const std::int32_t> y, ReferenceMode mode, std::uint64_t seed) {
  Batch batch(y.size());
  const std::size_t features = x.size() / y.size();
  for (std::size_t r = 0; r < y.size(); ++r) {
    batch[r].assign(x.begin() + static_cast<std::ptrdiff_t>(r * features),
                    x.begin() + static_cast<std::ptrdiff_t>((r + 1) * features));
  }
  const Batch outputs = ScalarNetwork(graph, tensors, mode, seed).Run(batch);
  double loss = 0;
  for (std::size_t r = 0; r < y.size(); ++r) {
    double sum = 0;
    for (const double o : outputs[r]) sum += std::exp(o);
    loss += std::log(sum) - outputs[r][static_cast<std::size_t>(y[r])];
  }
  return loss / static_cast<double>(y.size());
}

Doubles ReferenceGradients(const graph::Graph& graph, const Doubles& tensors,
                           std::span<const float> x, std::span<const std::int32_t> y,
                           std::uint64_t seed) {
  constexpr double kStep = 1e-6;
  Doubles moved = tensors;
  Doubles gradients(tensors.size());
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    if (graph.tensors()[t].role != graph::TensorRole::kParameter) continue;
    for (double& element : moved[t]) {
      const double before = element;
      const auto loss_at = [&](double value) {
        element = value;
        return ReferenceLoss(graph, moved, x, y, ReferenceMode::kTrain, seed);
      };
      const double slope = (loss_at(before + kStep) - loss_at(before - kStep)) / (2 * kStep);
      element = before;
      gradients[t].push_back(slope);
    }
  }
  return gradients;
}

}  // namespace bitsweep::train::fused
