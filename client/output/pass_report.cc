// SPDX-License-Identifier: Apache-2.0
#include "client/output/pass_report.h"

#include "fmt/format.h"

namespace bitsweep::client {
namespace {

Sections ReportOfResult(const v1::PassResult& result, const v1::StatisticsReport* collected) {
  switch (result.result_case()) {
    case v1::PassResult::kGraph:
      return ReportOf(result.graph());
    case v1::PassResult::kNodeMeta:
      return ReportOf(result.node_meta(), collected);
    case v1::PassResult::kStatistics:
      return ReportOf(result.statistics());
    case v1::PassResult::kQuantize:
      return ReportOf(result.quantize());
    case v1::PassResult::kComparison:
      return ReportOf(result.comparison());
    case v1::PassResult::kQuantization:
      return ReportOf(result.quantization());
    case v1::PassResult::kOps:
      return ReportOf(result.ops());
    case v1::PassResult::kEvaluation:
      return ReportOf(result.evaluation());
    case v1::PassResult::kPrune:
      return ReportOf(result.prune());
    case v1::PassResult::RESULT_NOT_SET:
      break;
  }
  return {{.text = "(a result that this client does not know)\n", .table = {}}};
}

}  // namespace

std::string RenderPassResults(const v1::TransformJob& job, Format format) {
  std::string text;
  const v1::StatisticsReport* collected = nullptr;
  for (const v1::PassResult& result : job.results()) {
    text += fmt::format("{}=== {}, {:.2f} s\n", text.empty() ? "" : "\n", result.pass(),
                        result.seconds());
    bool is_first = true;
    for (const Section& section : ReportOfResult(result, collected)) {
      text += is_first ? "" : "\n";
      is_first = false;
      text += section.text;
      if (!section.table.columns.empty()) text += Render(section.table, format);
    }
    if (result.has_statistics()) collected = &result.statistics();
  }
  return text;
}

}  // namespace bitsweep::client
