// SPDX-License-Identifier: Apache-2.0
#include "client/report/transform_passes.h"

#include <utility>

#include "client/report/fields.h"
#include "fmt/format.h"

namespace bitsweep::report {
namespace {

Blocks BlocksOfResult(const v1::PassResult& result, const v1::StatisticsReport* collected,
                      const std::string& id) {
  switch (result.result_case()) {
    case v1::PassResult::kGraph:
      return BlocksOf(result.graph(), id);
    case v1::PassResult::kNodeMeta:
      return BlocksOf(result.node_meta(), collected, id);
    case v1::PassResult::kStatistics:
      return BlocksOf(result.statistics(), id);
    case v1::PassResult::kQuantize:
      return BlocksOf(result.quantize(), id);
    case v1::PassResult::kComparison:
      return BlocksOf(result.comparison(), id);
    case v1::PassResult::kQuantization:
      return BlocksOf(result.quantization(), id);
    case v1::PassResult::kOps:
      return BlocksOf(result.ops(), id);
    case v1::PassResult::kEvaluation:
      return BlocksOf(result.evaluation(), id);
    case v1::PassResult::kPrune:
      return BlocksOf(result.prune(), id);
    case v1::PassResult::RESULT_NOT_SET:
      break;
  }
  return {Warning("A result that this client does not know.")};
}

}  // namespace

std::vector<Section> PassSections(const v1::TransformJob& job) {
  std::vector<Section> sections;
  const v1::StatisticsReport* collected = nullptr;
  for (const v1::PassResult& result : job.results()) {
    const std::string id = fmt::format("pass-{}", sections.size() + 1);
    Blocks blocks = {Paragraph(result.seconds() < 0.001
                                   ? "Took less than 1 ms."
                                   : fmt::format("Took {}.", DurationText(result.seconds())))};
    for (Block& block : BlocksOfResult(result, collected, id)) blocks.push_back(std::move(block));
    sections.push_back({.id = id,
                        .title = fmt::format("{}. {}", sections.size() + 1, result.pass()),
                        .blocks = std::move(blocks)});
    if (result.has_statistics()) collected = &result.statistics();
  }
  return sections;
}

}  // namespace bitsweep::report
