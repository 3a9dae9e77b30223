// SPDX-License-Identifier: Apache-2.0
// count_ops: a table a convention, node by node and in all.
#include "client/output/pass_report.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep::client {
namespace {

std::string NameOf(v1::CountConvention convention) {
  const std::string name = v1::CountConvention_Name(convention);
  const std::string prefix = "COUNT_CONVENTION_";
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

}  // namespace

Sections ReportOf(const v1::OpCountReport& report) {
  Sections sections = {{.text = fmt::format("batch size {}; parameters and buffers take {} bits\n",
                                            report.batch_size(), report.size_bits()),
                        .table = {}}};
  for (const v1::OpCount& count : report.counts()) {
    Section section{
        .text = NameOf(count.convention()) + "\n",
        .table = {
            .columns = {
                {"Node"}, {"Op"}, {"FLOPs", Precision::kCount}, {"BitOPs", Precision::kCount}}}};
    if (count.unsupported_size() > 0) {
      section.text += fmt::format("not covered: {}\n", fmt::join(count.unsupported(), ", "));
    }
    for (const v1::NodeOps& node : count.nodes()) {
      section.table.rows.push_back({node.node(), node.op(), node.flops(), node.bitops()});
    }
    section.table.rows.push_back(
        {std::string("total"), std::monostate(), count.flops(), count.bitops()});
    sections.push_back(std::move(section));
  }
  return sections;
}

}  // namespace bitsweep::client
