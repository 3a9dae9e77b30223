// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/result_json.h"

#include <cmath>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace bitsweep::passes {
namespace {

using Json = nlohmann::ordered_json;

Json Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

template <typename T>
Json Numbers(const std::vector<T>& values) {
  Json list = Json::array();
  for (const T value : values) list.push_back(Number(static_cast<double>(value)));
  return list;
}

template <typename T, typename OfItem>
Json List(const std::vector<T>& items, const OfItem& of_item) {
  Json list = Json::array();
  for (const T& item : items) list.push_back(of_item(item));
  return list;
}

std::string Result(const char* pass, const char* field, Json result) {
  Json json;
  json["pass"] = pass;
  json[field] = std::move(result);
  return json.dump();
}

Json OfTensorMeta(const TensorMeta& tensor) {
  return {{"name", tensor.name},
          {"shape", tensor.shape},
          {"type", tensor.type},
          {"precision", tensor.precision},
          {"torch_dtype", tensor.torch_dtype},
          {"source", tensor.source}};
}

Json OfNode(const NodeMeta& node) {
  return {{"name", node.name},
          {"fx_op", node.fx_op},
          {"mase_type", node.mase_type},
          {"mase_op", node.mase_op},
          {"args", List(node.args, OfTensorMeta)},
          {"scalars", List(node.scalars,
                           [](const ScalarArgument& scalar) -> Json {
                             return {{"name", scalar.name}, {"value", scalar.value}};
                           })},
          {"results", List(node.results, OfTensorMeta)},
          {"software_args", node.software_args},
          {"software_results", node.software_results}};
}

Json OfStatistic(const NodeStatistic& statistic) {
  return {{"node", statistic.node},
          {"tensor", statistic.tensor},
          {"activation", statistic.activation},
          {"statistic", statistic.statistic},
          {"values", List(statistic.values, [](const StatisticValue& value) -> Json {
             return {{"key", value.key}, {"values", Numbers(value.values)}, {"shape", value.shape}};
           })}};
}

Json OfHistogram(const QuantizationHistogram& histogram) {
  return {{"low", Number(histogram.low)},
          {"bin_width", Number(histogram.bin_width)},
          {"original", histogram.original},
          {"quantized", histogram.quantized}};
}

Json OfQuantizedTensor(const QuantizedTensor& tensor) {
  const QuantizationError& error = tensor.error;
  return {{"node", tensor.node},
          {"tensor", tensor.tensor},
          {"format", tensor.format},
          {"shape", tensor.shape},
          {"width", tensor.width},
          {"original", Numbers(tensor.original)},
          {"quantized", Numbers(tensor.quantized)},
          {"elements", error.elements},
          {"distinct", error.distinct},
          {"step", Number(tensor.step)},
          {"saturated", error.saturated},
          {"flushed_to_zero", error.flushed_to_zero},
          {"max_abs_error", Number(error.max_abs_error)},
          {"mean_abs_error", Number(error.mean_abs_error)},
          {"sqnr_db", Number(error.sqnr_db)},
          {"histogram", OfHistogram(tensor.histogram)}};
}

Json OfOutput(const QuantizedOutput& output) {
  return {{"node", output.node},
          {"original_type", output.original_type},
          {"quantized_type", output.quantized_type},
          {"input", Numbers(output.input)},
          {"original", Numbers(output.original)},
          {"quantized", Numbers(output.quantized)}};
}

Json OfCount(const OpCount& count) {
  return {{"convention", fmt::format("COUNT_CONVENTION_{}", spec::Name(count.convention))},
          {"flops", Number(count.flops)},
          {"bitops", Number(count.bitops)},
          {"nodes", List(count.nodes,
                         [](const NodeOps& node) -> Json {
                           return {{"node", node.node},
                                   {"op", node.op},
                                   {"flops", Number(node.flops)},
                                   {"bitops", Number(node.bitops)}};
                         })},
          {"unsupported", count.unsupported}};
}

Json OfMetrics(const EvaluationMetrics& metrics) {
  return {{"accuracy", Number(metrics.accuracy)},
          {"macro_accuracy", Number(metrics.macro_accuracy)},
          {"loss", Number(metrics.loss)},
          {"loss_batch_mean", Number(metrics.loss_batch_mean)},
          {"confusion", metrics.confusion}};
}

}  // namespace

std::string ToJson(const graph::GraphReport& report, const graph::Graph& graph) {
  const graph::KindCounts& counts = report.counts;
  return Result("report_graph", "graph",
                {{"listing", report.listing},
                 {"counts",
                  {{"placeholder", counts.placeholder},
                   {"get_attr", counts.get_attr},
                   {"call_function", counts.call_function},
                   {"call_method", counts.call_method},
                   {"call_module", counts.call_module},
                   {"output", counts.output}}},
                 {"modules", report.modules},
                 {"graph_name", ToValidUtf8(graph.name(), graph.name().size())},
                 {"parameter_count", graph.ParameterCount()}});
}

std::string ToJson(const graph::GraphComparison& comparison) {
  const auto of_node = [](const graph::NodeComparison& node) -> Json {
    return {{"original_name", node.original_name},
            {"new_name", node.new_name},
            {"fx_op", node.fx_op},
            {"mase_type", node.mase_type},
            {"mase_op", node.mase_op},
            {"original_type", node.original_type},
            {"quantized_type", node.quantized_type},
            {"changed", node.changed}};
  };
  const auto of_type = [](const graph::TypeChanges& type) -> Json {
    return {{"original_type", type.original_type},
            {"op", type.op},
            {"total", type.total},
            {"changed", type.changed},
            {"unchanged", type.unchanged}};
  };
  return Result("compare_graphs", "comparison",
                {{"nodes", List(comparison.nodes, of_node)},
                 {"histogram", List(comparison.histogram, of_type)}});
}

std::string ToJson(const NodeMetaReport& report) {
  return Result("report_node_meta", "node_meta",
                {{"nodes", List(report.nodes, OfNode)}, {"which", report.which}});
}

std::string ToJson(const StatisticsReport& report) {
  return Result(
      "profile_statistics", "statistics",
      {{"statistics", List(report.statistics, OfStatistic)}, {"samples", report.samples}});
}

std::string ToJson(const QuantizeReport& report) {
  const auto of_node = [](const QuantizedNode& node) -> Json {
    return {{"node", node.node},       {"op", node.op},         {"format", node.format},
            {"data_in", node.data_in}, {"weight", node.weight}, {"bias", node.bias}};
  };
  return Result("quantize", "quantize",
                {{"nodes", List(report.nodes, of_node)},
                 {"average_bitwidth", Number(report.average_bitwidth)},
                 {"memory_density", Number(report.memory_density)}});
}

std::string ToJson(const QuantizationReport& report) {
  return Result("verify_quantization", "quantization",
                {{"tensors", List(report.tensors, OfQuantizedTensor)},
                 {"outputs", List(report.outputs, OfOutput)}});
}

std::string ToJson(const OpCountReport& report) {
  return Result("count_ops", "ops",
                {{"batch_size", report.batch_size},
                 {"counts", List(report.counts, OfCount)},
                 {"size_bits", report.size_bits}});
}

std::string ToJson(const EvaluationReport& report) {
  Json json;
  if (report.original) json["original"] = OfMetrics(*report.original);
  json["current"] = OfMetrics(report.current);
  json["classes"] = report.classes;
  json["rows"] = report.current.rows;
  json["class_names"] = List(report.class_names, [](const std::string& name) -> Json {
    return ToValidUtf8(name, name.size());
  });
  return Result("evaluate", "evaluation", std::move(json));
}

std::string ToJson(const PruneReport& report) {
  const auto of_tensor = [](const PrunedTensor& tensor) {
    Json json = {{"node", tensor.node},
                 {"tensor", tensor.tensor},
                 {"elements", tensor.elements},
                 {"zeros", tensor.zeros}};
    if (tensor.threshold) json["threshold"] = Number(*tensor.threshold);
    return json;
  };
  return Result(
      "prune", "prune",
      {{"tensors", List(report.tensors, of_tensor)}, {"sparsity", Number(report.sparsity)}});
}

}  // namespace bitsweep::passes
