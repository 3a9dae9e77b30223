// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/hls4ml_check.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "client/exchange/onnx_nodes.h"
#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

std::string Lowercase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

class Hls4mlCheck {
 public:
  explicit Hls4mlCheck(const graph::Graph& graph) : graph_(graph) {}

  std::vector<FieldViolation> Problems() {
    for (std::size_t n = 0; n < graph_.nodes().size(); ++n) {
      const graph::Node& node = graph_.nodes()[n];
      CheckOp(node);
      if (graph_.sample_shapes()[n].size() != 1) {
        Add(node.name, fmt::format("samples of shape {}: expected one dimension, because hls4ml "
                                   "orders more of them otherwise",
                                   graph::ShapeText(graph_.sample_shapes()[n])));
      }
      CheckFormats(node);
      const auto [other, is_new] = by_lowercase_.emplace(Lowercase(node.name), node.name);
      if (!is_new) {
        Add(node.name, fmt::format("hls4ml does not tell it from {}: expected names that differ in "
                                   "more than case",
                                   other->second));
      }
    }
    return std::move(problems_);
  }

 private:
  void Add(std::string field, std::string why) {
    problems_.push_back({std::move(field), std::move(why)});
  }

  void CheckOp(const graph::Node& node) {
    if (std::holds_alternative<graph::Conv1d>(node.op)) {
      Add(node.name,
          "conv1d: hls4ml reads convolutions with the channels last, which is not "
          "written; expected linear layers");
    } else if (std::holds_alternative<graph::Sigmoid>(node.op)) {
      Add(node.name,
          "sigmoid: hls4ml takes it from a table of 1,024 values; expected a network "
          "that ends without one");
    } else if (const auto* linear = std::get_if<graph::Linear>(&node.op)) {
      const bool is_complete = IsQuantized(node) && node.quantization->data_in &&
                               node.quantization->weight &&
                               (!linear->bias || node.quantization->bias);
      if (!is_complete) {
        Add(node.name, fmt::format("linear without a number format of its {}: hls4ml computes in "
                                   "fixed point; expected a layer that is quantized to integers",
                                   linear->bias ? "inputs, weight and bias" : "inputs and weight"));
      }
    }
  }

  void CheckFormats(const graph::Node& node) {
    if (!IsQuantized(node)) return;
    const auto check = [&](const char* tensor, const std::optional<graph::NumberFormat>& format) {
      if (!format) return;
      const auto* integer = std::get_if<graph::IntegerFormat>(&*format);
      if (integer != nullptr && integer->width > 1) return;
      Add(fmt::format("{}.{}", node.name, tensor),
          fmt::format("{}: expected integers of 2 bits or more, which are hls4ml's fixed-point "
                      "numbers",
                      graph::FormatText(*format)));
    };
    check("data_in", node.quantization->data_in);
    check("weight", node.quantization->weight);
    check("bias", node.quantization->bias);
  }

  const graph::Graph& graph_;
  std::map<std::string, std::string> by_lowercase_;
  std::vector<FieldViolation> problems_;
};

}  // namespace

std::vector<FieldViolation> Hls4mlProblems(const graph::Checkpoint& checkpoint) {
  std::vector<FieldViolation> problems = Hls4mlCheck(checkpoint.graph).Problems();
  for (const graph::TensorValue& tensor : checkpoint.tensors) {
    if (std::all_of(tensor.f32.begin(), tensor.f32.end(), [](float x) { return std::isfinite(x); }))
      continue;
    problems.push_back({tensor.name, "holds infinity or NaN: expected numbers, as fixed point is"});
  }
  return problems;
}

}  // namespace bitsweep::exchange
