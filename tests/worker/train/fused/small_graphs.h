// SPDX-License-Identifier: Apache-2.0
// Networks, tensors and rows made up for a test.
#ifndef BITSWEEP_TESTS_WORKER_TRAIN_FUSED_SMALL_GRAPHS_H_
#define BITSWEEP_TESTS_WORKER_TRAIN_FUSED_SMALL_GRAPHS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/random.h"
#include "core/graph/checkpoint.h"
#include "core/graph/graph.h"
#include "worker/data/dataset.h"

namespace bitsweep::train::fused {

// A node written short: modules own their tensors, `add` and `view` are functions.
struct Line {
  std::string name;
  graph::Op op;
  std::vector<std::string> inputs;
  std::optional<graph::NodeQuantization> quantization = std::nullopt;
  std::string target = {};  // of a module; empty: its name
};

inline graph::Graph Network(const graph::Shape& input, const std::vector<Line>& lines) {
  std::vector<graph::Node> nodes = {
      {.name = "x", .kind = graph::NodeKind::kPlaceholder, .target = "x", .sample_shape = input}};
  for (const Line& line : lines) {
    graph::Node node{.name = line.name,
                     .target = line.target.empty() ? line.name : line.target,
                     .op = line.op,
                     .inputs = line.inputs,
                     .quantization = line.quantization};
    if (std::holds_alternative<graph::Add>(line.op)) {
      node.kind = graph::NodeKind::kCallFunction;
      node.target = "add";
    } else if (std::holds_alternative<graph::View>(line.op)) {
      node.kind = graph::NodeKind::kCallMethod;
      node.target = "view";
    }
    nodes.push_back(std::move(node));
  }
  nodes.push_back({.name = "output",
                   .kind = graph::NodeKind::kOutput,
                   .target = "output",
                   .inputs = {lines.back().name}});
  return graph::Graph::Create("test", std::move(nodes)).value();
}

inline graph::Linear Fc(std::int64_t in, std::int64_t out, bool bias = true) {
  return {.in_features = in, .out_features = out, .bias = bias};
}

// Integer formats for whatever the op has.
inline graph::NodeQuantization Rounded(const graph::IntegerFormat& format) {
  return {.format = "integer", .data_in = format, .weight = format, .bias = format};
}

// Parameters in [-0.7, 0.9), running variances in [0.5, 1.5).
inline std::vector<graph::TensorValue> RandomTensors(const graph::Graph& graph,
                                                     std::uint64_t seed) {
  Random random(seed, RandomStream::kInit);
  std::vector<graph::TensorValue> tensors;
  for (const graph::TensorInfo& info : graph.tensors()) {
    graph::TensorValue value{.name = info.name};
    if (info.is_int64) {
      value.i64 = {3};
    } else {
      const bool is_variance = info.name.ends_with("running_var");
      for (std::int64_t i = 0; i < graph::ElementCount(info.shape); ++i) {
        const float uniform = random.NextFloat();
        value.f32.push_back(is_variance ? 0.5F + uniform : 1.6F * uniform - 0.7F);
      }
    }
    tensors.push_back(std::move(value));
  }
  return tensors;
}

// Features in [-1.5, 1.5), any classes; validation on the training rows.
inline data::Dataset RandomRows(const graph::Graph& graph, std::int64_t rows, std::uint64_t seed) {
  data::Dataset dataset{.features = graph.InputFeatures(), .classes = graph.OutputFeatures()};
  Random random(seed, RandomStream::kSynthetic);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t f = 0; f < dataset.features; ++f) {
      dataset.train_x.push_back(3 * random.NextFloat() - 1.5F);
    }
    dataset.train_y.push_back(
        static_cast<std::int32_t>(random.NextBelow(static_cast<std::uint64_t>(dataset.classes))));
  }
  dataset.validates_on_training_rows = true;
  return dataset;
}

inline std::vector<std::uint32_t> InOrder(std::int64_t rows) {
  std::vector<std::uint32_t> order;
  for (std::int64_t i = 0; i < rows; ++i) order.push_back(static_cast<std::uint32_t>(i));
  return order;
}

}  // namespace bitsweep::train::fused

#endif  // BITSWEEP_TESTS_WORKER_TRAIN_FUSED_SMALL_GRAPHS_H_
