// SPDX-License-Identifier: Apache-2.0
#include "core/graph/op.h"

namespace bitsweep::graph {

std::string_view Name(OutputActivation activation) {
  switch (activation) {
    case OutputActivation::kNone:
      return "none";
    case OutputActivation::kRelu:
      return "relu";
    case OutputActivation::kSigmoid:
      break;
  }
  return "sigmoid";
}

std::optional<OutputActivation> ParseOutputActivation(std::string_view name) {
  for (const OutputActivation a :
       {OutputActivation::kNone, OutputActivation::kRelu, OutputActivation::kSigmoid}) {
    if (Name(a) == name) return a;
  }
  return std::nullopt;
}

std::string_view OpName(const Op& op) {
  struct Visitor {
    std::string_view operator()(const NoOp&) const { return "none"; }
    std::string_view operator()(const Linear&) const { return "linear"; }
    std::string_view operator()(const Conv1d&) const { return "conv1d"; }
    std::string_view operator()(const BatchNorm1d&) const { return "batch_norm1d"; }
    std::string_view operator()(const Relu&) const { return "relu"; }
    std::string_view operator()(const Sigmoid&) const { return "sigmoid"; }
    std::string_view operator()(const Add&) const { return "add"; }
    std::string_view operator()(const View&) const { return "view"; }
    std::string_view operator()(const Flatten&) const { return "flatten"; }
    std::string_view operator()(const Dropout&) const { return "dropout"; }
  };
  return std::visit(Visitor{}, op);
}

int InputCount(const Op& op) { return std::holds_alternative<Add>(op) ? 2 : 1; }

}  // namespace bitsweep::graph
