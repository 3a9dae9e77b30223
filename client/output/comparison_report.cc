// SPDX-License-Identifier: Apache-2.0
// compare_graphs: a row a node, then a row a type.
#include "client/output/pass_report.h"

namespace bitsweep::client {

Sections ReportOf(const v1::GraphComparison& comparison) {
  Table nodes{.columns = {{"Ori name"},
                          {"New name"},
                          {"Node_OP"},
                          {"MASE_TYPE"},
                          {"Mase_OP"},
                          {"Original type"},
                          {"Quantized type"},
                          {"Changed"}}};
  for (const v1::NodeComparison& n : comparison.nodes()) {
    nodes.rows.push_back({n.original_name(), n.new_name(), n.fx_op(), n.mase_type(), n.mase_op(),
                          n.original_type(), n.quantized_type(),
                          std::string(n.changed() ? "True" : "False")});
  }
  Table histogram{.columns = {{"Original type"}, {"OP"}, {"Total"}, {"Changed"}, {"Unchanged"}}};
  for (const v1::TypeChanges& type : comparison.histogram()) {
    histogram.rows.push_back({type.original_type(), type.op(), std::int64_t{type.total()},
                              std::int64_t{type.changed()}, std::int64_t{type.unchanged()}});
  }
  return {{.text = "", .table = std::move(nodes)}, {.text = "", .table = std::move(histogram)}};
}

}  // namespace bitsweep::client
