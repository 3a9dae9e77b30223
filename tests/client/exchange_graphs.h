// SPDX-License-Identifier: Apache-2.0
// Networks for the tests of client/exchange: random ones of all ops, and tensors for any.
#ifndef BITSWEEP_TESTS_CLIENT_EXCHANGE_GRAPHS_H_
#define BITSWEEP_TESTS_CLIENT_EXCHANGE_GRAPHS_H_

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/random.h"
#include "core/graph/checkpoint.h"
#include "core/graph/graph.h"
#include "core/graph/shape_inference.h"
#include "fmt/format.h"

namespace bitsweep::testing {

// A network of 3 to 14 nodes drawn from `seed`: all ops in all their kinds, branches that join,
// modules that are called twice, nodes that nobody reads.
class RandomGraphMaker {
 public:
  explicit RandomGraphMaker(std::uint64_t seed) : random_(seed, RandomStream::kSearch) {}

  graph::Graph Make() {
    graph::Shape shape{Between(1, 6)};
    if (Chance(50)) shape.push_back(Between(3, 9));
    Append({.name = "x",
            .kind = graph::NodeKind::kPlaceholder,
            .target = "x",
            .op = graph::NoOp{},
            .sample_shape = shape},
           shape);
    const std::int64_t wanted = Between(3, 14);
    while (static_cast<std::int64_t>(nodes_.size()) < wanted) AddNode();
    nodes_.push_back({.name = "output",
                      .kind = graph::NodeKind::kOutput,
                      .target = "output",
                      .op = graph::NoOp{},
                      .inputs = {nodes_.back().name}});
    return graph::Graph::Create("random \"graph\"", nodes_).value();
  }

 private:
  std::int64_t Between(std::int64_t low, std::int64_t high) {
    return low +
           static_cast<std::int64_t>(random_.NextBelow(static_cast<std::uint64_t>(high - low + 1)));
  }
  bool Chance(int percent) { return Between(1, 100) <= percent; }

  void Append(graph::Node node, graph::Shape shape) {
    nodes_.push_back(std::move(node));
    shapes_.push_back(std::move(shape));
  }

  graph::Op AnyOp(const graph::Shape& in) {
    switch (Between(0, 8)) {
      case 0:
        return graph::Linear{in[0], Between(1, 7), Chance(70)};
      case 1:
        return graph::Conv1d{in[0],         Between(1, 4), Between(1, 3),
                             Between(1, 2), Between(0, 2), Chance(70)};
      case 2:
        return graph::BatchNorm1d{in[0], Chance(50) ? 1e-5 : 1e-3, Chance(50) ? 0.1 : 0.25};
      case 3:
        return graph::Relu{Chance(30)};
      case 4:
        return graph::Sigmoid{};
      case 5:
        return graph::Add{};
      case 6:
        return Chance(50) ? graph::View{{-1, 1, graph::ElementCount(in)}}
                          : graph::View{{-1, graph::ElementCount(in)}};
      case 7:
        return graph::Flatten{in.size() > 1 && Chance(50) ? 2 : 1};
      default:
        return graph::Dropout{0.25};
    }
  }

  void AddNode() {
    const auto from =
        Chance(75)
            ? nodes_.size() - 1
            : static_cast<std::size_t>(Between(0, static_cast<std::int64_t>(nodes_.size()) - 1));
    graph::Node node;
    node.op = AnyOp(shapes_[from]);
    node.inputs = {nodes_[from].name};
    std::vector<graph::Shape> in{shapes_[from]};
    if (std::holds_alternative<graph::Add>(node.op)) {
      std::size_t other = from;
      for (std::size_t n = 0; n < nodes_.size(); ++n) {
        if (shapes_[n] == shapes_[from] && Chance(50)) other = n;
      }
      node.inputs.push_back(nodes_[other].name);
      in.push_back(shapes_[other]);
    }
    const auto shape = graph::InferShape(node.op, in);
    if (!shape.ok()) return;  // a convolution of rows, and the like
    const std::size_t n = nodes_.size();
    node.name = fmt::format("node_{}", n);
    node.kind = KindOf(node.op);
    node.target = node.kind == graph::NodeKind::kCallModule ? fmt::format("block.{}", n)
                                                            : std::string(graph::OpName(node.op));
    if (node.kind == graph::NodeKind::kCallModule && Chance(20)) {  // the module of another node
      for (const graph::Node& other : nodes_) {
        if (other.kind == node.kind && other.op == node.op) node.target = other.target;
      }
    }
    Append(std::move(node), *shape);
  }

  graph::NodeKind KindOf(const graph::Op& op) {
    using graph::NodeKind;
    if (std::holds_alternative<graph::View>(op)) return NodeKind::kCallMethod;
    if (std::holds_alternative<graph::Add>(op)) {
      return Chance(50) ? NodeKind::kCallFunction : NodeKind::kCallMethod;
    }
    if (std::holds_alternative<graph::Dropout>(op)) {
      return Chance(50) ? NodeKind::kCallFunction : NodeKind::kCallModule;
    }
    if (std::holds_alternative<graph::Linear>(op) || std::holds_alternative<graph::Conv1d>(op) ||
        std::holds_alternative<graph::BatchNorm1d>(op)) {
      return NodeKind::kCallModule;
    }
    return std::vector{NodeKind::kCallFunction, NodeKind::kCallMethod,
                       NodeKind::kCallModule}[random_.NextBelow(3)];
  }

  Random random_;
  std::vector<graph::Node> nodes_;
  std::vector<graph::Shape> shapes_;
};

// Any bits that are numbers, for floats; any counts.
inline std::vector<graph::TensorValue> RandomTensors(const graph::Graph& graph,
                                                     std::uint64_t seed) {
  Random random(seed, RandomStream::kInit);
  std::vector<graph::TensorValue> tensors;
  for (const graph::TensorInfo& info : graph.tensors()) {
    graph::TensorValue value{.name = info.name};
    if (info.is_int64) {
      value.i64 = {static_cast<std::int64_t>(random.NextUint64() >> 1)};
    } else {
      value.f32.resize(static_cast<std::size_t>(graph::ElementCount(info.shape)));
      for (float& element : value.f32) element = static_cast<float>(random.NextNormal());
      if (info.name.ends_with(".running_var")) {
        for (float& element : value.f32) element = element * element + 0.01F;
      } else if (random.NextBelow(4) == 0) {
        value.f32[0] = -0.0F;
        value.f32.back() = std::numeric_limits<float>::denorm_min();
      }
    }
    tensors.push_back(std::move(value));
  }
  return tensors;
}

}  // namespace bitsweep::testing

#endif  // BITSWEEP_TESTS_CLIENT_EXCHANGE_GRAPHS_H_
