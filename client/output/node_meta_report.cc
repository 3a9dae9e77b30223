// SPDX-License-Identifier: Apache-2.0
// report_node_meta: a grid with what each node takes and gives.
#include <algorithm>

#include "client/output/dict_text.h"
#include "client/output/grid.h"
#include "client/output/pass_report.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace bitsweep::client {
namespace {

constexpr std::size_t kCellWidth = 80;

Dict TensorDict(const v1::TensorMeta& tensor) {
  Dict dict;
  dict["shape"] = Dict(fmt::format("[{}]", fmt::join(tensor.shape(), ", ")));
  dict["precision"] = Dict(fmt::format("[{}]", fmt::join(tensor.precision(), ", ")));
  dict["type"] = Dict(Quoted(tensor.type()));
  if (!tensor.torch_dtype().empty()) dict["torch_dtype"] = Dict(Quoted(tensor.torch_dtype()));
  if (!tensor.source().empty()) dict["from"] = Dict(Quoted(tensor.source()));
  return dict;
}

std::string CommonText(const v1::NodeMeta& node) {
  Dict dict;
  dict["mase_type"] = Dict(Quoted(node.mase_type()));
  dict["mase_op"] = Dict(Quoted(node.mase_op()));
  Dict& args = dict["args"];
  for (const v1::TensorMeta& tensor : node.args()) args[tensor.name()] = TensorDict(tensor);
  for (const v1::ScalarArgument& scalar : node.scalars()) {
    args[scalar.name()] = Dict(scalar.value());
  }
  Dict& results = dict["results"];
  for (const v1::TensorMeta& tensor : node.results()) results[tensor.name()] = TensorDict(tensor);
  return dict.Format(kCellWidth);
}

// A number, or the size of a tensor of them.
Dict ValueDict(const v1::StatisticValue& value) {
  if (value.values().empty()) return Dict("'NA'");
  if (value.values_size() > 1 || !value.shape().empty()) {
    return Dict(fmt::format("'tensor [{}]'", fmt::join(value.shape(), ", ")));
  }
  return Dict(fmt::format("{}", value.values(0)));
}

Dict StatisticsDict(const v1::StatisticsReport* collected, const std::string& node,
                    const std::string& tensor) {
  Dict dict;
  Dict& statistics = dict["stat"];
  if (collected == nullptr) return dict;
  for (const v1::NodeStatistic& s : collected->statistics()) {
    if (s.node() != node || s.tensor() != tensor) continue;
    Dict& values = statistics[s.statistic()];
    for (const v1::StatisticValue& value : s.values()) values[value.key()] = ValueDict(value);
  }
  return dict;
}

std::string SoftwareText(const v1::NodeMeta& node, const v1::StatisticsReport* collected) {
  Dict dict;
  Dict& args = dict["args"];
  for (const std::string& name : node.software_args()) {
    args[name] = StatisticsDict(collected, node.name(), name);
  }
  Dict& results = dict["results"];
  for (const std::string& name : node.software_results()) {
    results[name] = StatisticsDict(collected, node.name(), name);
  }
  return dict.Format(kCellWidth);
}

}  // namespace

Sections ReportOf(const v1::NodeMetaReport& report, const v1::StatisticsReport* collected) {
  const auto is_asked_for = [&](const char* which) {
    const auto& all = report.which();
    return all.empty() || std::find(all.begin(), all.end(), "all") != all.end() ||
           std::find(all.begin(), all.end(), which) != all.end();
  };
  const bool has_common = is_asked_for("common");
  const bool has_software = is_asked_for("software");
  std::vector<std::string> headers = {"Node name", "Fx Node op", "Mase type", "Mase op"};
  if (has_common) headers.push_back("Common Param");
  if (has_software) headers.push_back("Software Param");
  std::vector<std::vector<std::string>> rows;
  for (const v1::NodeMeta& node : report.nodes()) {
    std::vector<std::string>& row = rows.emplace_back(
        std::vector<std::string>{node.name(), node.fx_op(), node.mase_type(), node.mase_op()});
    if (has_common) row.push_back(CommonText(node));
    if (has_software) row.push_back(SoftwareText(node, collected));
  }
  return {{.text = RenderGrid(headers, rows), .table = {}}};
}

}  // namespace bitsweep::client
