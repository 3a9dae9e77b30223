// SPDX-License-Identifier: Apache-2.0
// quantize and prune: which nodes they changed.
#include "client/output/pass_report.h"
#include "fmt/format.h"

namespace bitsweep::client {

Sections ReportOf(const v1::QuantizeReport& report) {
  Table table{.columns = {{"Node"}, {"Op"}, {"Format"}, {"data_in"}, {"weight"}, {"bias"}}};
  const auto format = [](const std::string& text) {
    return text.empty() ? Cell() : Cell(text);  // full precision
  };
  for (const v1::QuantizedNode& node : report.nodes()) {
    table.rows.push_back({node.node(), node.op(), node.format(), format(node.data_in()),
                          format(node.weight()), format(node.bias())});
  }
  return {{.text = fmt::format("average bitwidth {:.6g}, memory density {:.6g}\n",
                               report.average_bitwidth(), report.memory_density()),
           .table = std::move(table)}};
}

Sections ReportOf(const v1::PruneReport& report) {
  Table table{.columns = {{"Node"},
                          {"Tensor"},
                          {"Elements"},
                          {"Zeros"},
                          {"Sparsity", Precision::kFraction},
                          {"Threshold"}}};
  for (const v1::PrunedTensor& tensor : report.tensors()) {
    const double sparsity = tensor.elements() == 0 ? 0
                                                   : static_cast<double>(tensor.zeros()) /
                                                         static_cast<double>(tensor.elements());
    table.rows.push_back({tensor.node(), tensor.tensor(), std::int64_t{tensor.elements()},
                          std::int64_t{tensor.zeros()}, sparsity,
                          tensor.has_threshold() ? Cell(tensor.threshold()) : Cell()});
  }
  return {{.text = fmt::format("sparsity {:.4f}\n", report.sparsity()), .table = std::move(table)}};
}

}  // namespace bitsweep::client
