// SPDX-License-Identifier: Apache-2.0
// report_graph: the listing, nodes by kind, modules.
#include "client/output/pass_report.h"
#include "fmt/format.h"

namespace bitsweep::client {

Sections ReportOf(const v1::GraphReport& report) {
  std::string text = report.listing();
  if (!text.empty() && text.back() != '\n') text += '\n';
  const v1::NodeKindCounts& n = report.counts();
  text += fmt::format(
      "Network overview:\n"
      "{{'placeholder': {}, 'get_attr': {}, 'call_function': {}, 'call_method': {}, "
      "'call_module': {}, 'output': {}}}\n"
      "Layer types:\n",
      n.placeholder(), n.get_attr(), n.call_function(), n.call_method(), n.call_module(),
      n.output());
  std::string modules;
  for (const std::string& module : report.modules()) {
    modules += (modules.empty() ? "" : ", ") + module;
  }
  text += fmt::format("[{}]\n{}: {} parameters\n", modules, report.graph_name(),
                      report.parameter_count());
  return {{.text = std::move(text), .table = {}}};
}

}  // namespace bitsweep::client
