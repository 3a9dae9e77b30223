// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/evaluate_pass.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "worker/passes/count_ops.h"

namespace bitsweep::passes {
namespace {

// Rows that a runner gets at once: enough to make calls cheap, few enough to stop soon. A function
// of the graph alone, so that results do not depend on the machine.
std::int64_t RowsAtOnce(const graph::Graph& graph) {
  constexpr double kWork = 2e8;
  constexpr double kWorkAnElement = 16;
  constexpr double kMostRows = 8192;
  double work = CountOps(spec::CountConvention::kMacs, graph, 1, Widths{}, {}).flops;
  for (const graph::Shape& shape : graph.sample_shapes()) {
    work += kWorkAnElement * static_cast<double>(graph::ElementCount(shape));
  }
  return static_cast<std::int64_t>(std::clamp(kWork / work, 1.0, kMostRows));
}

absl::Status CheckFit(const graph::Graph& graph, const data::Dataset* dataset) {
  if (dataset == nullptr) return absl::InvalidArgumentError("evaluate needs a data set");
  if (dataset->features != graph.InputFeatures()) {
    return absl::InvalidArgumentError(
        fmt::format("the data set has {} features, the graph {} takes {}", dataset->features,
                    graph.name(), graph.InputFeatures()));
  }
  if (dataset->classes > graph.OutputFeatures()) {
    return absl::InvalidArgumentError(
        fmt::format("the data set has {} classes, the graph {} has {} outputs", dataset->classes,
                    graph.name(), graph.OutputFeatures()));
  }
  return absl::OkStatus();
}

absl::StatusOr<EvaluationMetrics> Measure(const Network& network, std::int64_t batch_size,
                                          const PassContext& context) {
  RETURN_IF_ERROR(CheckFit(network.graph, context.dataset));
  ASSIGN_OR_RETURN(const std::unique_ptr<GraphRunner> runner,
                   context.make_runner(network.graph, network.tensors));
  return Evaluate(*runner, context.dataset->validation_x(), context.dataset->validation_y(),
                  network.graph.OutputFeatures(), batch_size, context.should_stop,
                  RowsAtOnce(network.graph));
}

absl::StatusOr<EvaluationMetrics> MeasureOriginal(std::int64_t batch_size, PassContext& context) {
  const bool cached = context.cache != nullptr && !context.cache_key.empty();
  const std::string key = fmt::format("{}|{}", context.cache_key, batch_size);
  if (cached) {
    if (std::optional<EvaluationMetrics> found = context.cache->Find(key)) return *std::move(found);
  }
  ASSIGN_OR_RETURN(EvaluationMetrics metrics, Measure(*context.original, batch_size, context));
  if (cached) context.cache->Put(key, metrics);
  return metrics;
}

}  // namespace

absl::StatusOr<EvaluationReport> EvaluateNetworks(const spec::EvaluatePass& pass,
                                                  PassContext& context) {
  const graph::Graph& graph = context.network.graph;
  RETURN_IF_ERROR(CheckFit(graph, context.dataset));
  EvaluationReport report;
  report.classes = graph.OutputFeatures();
  report.class_names = context.dataset->class_names;
  const bool unchanged =
      graph == context.original->graph && context.network.tensors == context.original->tensors;
  if (!pass.skip_original || unchanged) {
    ASSIGN_OR_RETURN(report.original, MeasureOriginal(pass.batch_size, context));
  }
  if (unchanged) {
    report.current = *report.original;
  } else {
    ASSIGN_OR_RETURN(report.current, Measure(context.network, pass.batch_size, context));
  }
  if (pass.skip_original) report.original.reset();
  return report;
}

}  // namespace bitsweep::passes
