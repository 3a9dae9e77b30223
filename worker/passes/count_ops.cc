// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/count_ops.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "fmt/format.h"
#include "worker/passes/model_size.h"
#include "worker/quant/quantize.h"

namespace bitsweep::passes {
namespace {

using graph::Shape;
using spec::CountConvention;

struct Cost {
  double flops = 0;
  double bitops = 0;
};

// What the formulas need to know of a node; shapes are of one sample.
struct Counted {
  const graph::Node& node;
  const Shape& output;
  double batch = 1;
  double data_bits = 32, weight_bits = 32, bias_bits = 32;
  double nonzero_weights = 0;
};

bool IsFree(const graph::Op& op) {
  return std::holds_alternative<graph::NoOp>(op) || std::holds_alternative<graph::View>(op) ||
         std::holds_alternative<graph::Flatten>(op) || std::holds_alternative<graph::Dropout>(op);
}

// Nothing: the report has no formula for the op.
std::optional<Cost> LabReport(const Counted& c) {
  if (const auto* linear = std::get_if<graph::Linear>(&c.node.op)) {
    const auto in = static_cast<double>(linear->in_features);
    const auto out = static_cast<double>(linear->out_features);
    const double product = c.data_bits * c.weight_bits;
    const double per_output =
        in * product + (in - 1) * product + (linear->bias ? c.bias_bits : 0.0);
    return Cost{.flops = c.batch * in * out, .bitops = c.batch * out * per_output};
  }
  if (const auto* norm = std::get_if<graph::BatchNorm1d>(&c.node.op)) {
    if (c.output.size() != 1) return std::nullopt;
    const auto n = static_cast<double>(norm->num_features);
    const double mean = n * c.batch;
    const double variance = (2 * n + (n - 1)) * c.batch + (c.batch - 1);
    const double denominator = 2;
    const double normalize = c.batch * 4 * n;
    return Cost{.flops = mean + variance + denominator + normalize};
  }
  if (std::holds_alternative<graph::Relu>(c.node.op)) {
    return Cost{.flops = c.batch * static_cast<double>(graph::ElementCount(c.output))};
  }
  return std::nullopt;
}

// Multiplications by weights of one row, and how many are summed up for one output.
struct Products {
  double macs = 0;
  double fan_in = 1;
  double positions = 1;  // how often each weight is used
};

std::optional<Products> ProductsOf(const Counted& c) {
  if (const auto* linear = std::get_if<graph::Linear>(&c.node.op)) {
    const auto in = static_cast<double>(linear->in_features);
    return Products{.macs = in * static_cast<double>(linear->out_features), .fan_in = in};
  }
  if (const auto* conv = std::get_if<graph::Conv1d>(&c.node.op)) {
    const double fan_in =
        static_cast<double>(conv->in_channels) * static_cast<double>(conv->kernel_size);
    const auto length = static_cast<double>(c.output.back());
    return Products{.macs = fan_in * static_cast<double>(conv->out_channels) * length,
                    .fan_in = fan_in,
                    .positions = length};
  }
  return std::nullopt;
}

std::optional<Cost> ByProducts(CountConvention convention, const Counted& c) {
  const std::optional<Products> products = ProductsOf(c);
  if (!products) {
    const bool none = std::holds_alternative<graph::Relu>(c.node.op) ||
                      std::holds_alternative<graph::Add>(c.node.op);
    return none ? std::optional<Cost>(Cost{}) : std::nullopt;
  }
  const double product = c.data_bits * c.weight_bits;
  const double macs = c.batch * products->macs;
  switch (convention) {
    case CountConvention::kBopsUniq:
      return Cost{
          .flops = macs,
          .bitops = macs * (product + c.data_bits + c.weight_bits + std::log2(products->fan_in))};
    case CountConvention::kEbops: {
      const double kept = c.batch * products->positions * c.nonzero_weights;
      return Cost{.flops = kept, .bitops = kept * product};
    }
    case CountConvention::kMacs:
    case CountConvention::kLabReport:
      break;
  }
  return Cost{.flops = macs, .bitops = macs * product};
}

double Bits(const graph::Node& node, std::string_view tensor, std::int64_t otherwise) {
  const graph::NumberFormat* format = FormatOf(node, tensor);
  return static_cast<double>(format == nullptr ? otherwise : graph::ElementBits(*format));
}

}  // namespace

Widths WidthsOfPass(const spec::CountOpsPass& pass) {
  Widths widths;
  widths.data = pass.data_width.value_or(widths.data);
  widths.weight = pass.weight_width.value_or(widths.data);
  widths.bias = pass.bias_width.value_or(widths.weight);
  return widths;
}

OpCount CountOps(CountConvention convention, const graph::Graph& graph, std::int64_t batch_size,
                 const Widths& widths, const std::vector<std::int64_t>& nonzero_weights) {
  OpCount count;
  count.convention = convention;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const graph::Node& node = graph.nodes()[i];
    if (IsFree(node.op)) continue;
    const Counted counted{.node = node,
                          .output = graph.sample_shapes()[i],
                          .batch = static_cast<double>(batch_size),
                          .data_bits = Bits(node, "data_in", widths.data),
                          .weight_bits = Bits(node, "weight", widths.weight),
                          .bias_bits = Bits(node, "bias", widths.bias),
                          .nonzero_weights = i < nonzero_weights.size()
                                                 ? static_cast<double>(nonzero_weights[i])
                                                 : 0.0};
    const std::optional<Cost> cost = convention == CountConvention::kLabReport
                                         ? LabReport(counted)
                                         : ByProducts(convention, counted);
    if (!cost) {
      count.unsupported.push_back(node.name);
      continue;
    }
    if (cost->flops == 0 && cost->bitops == 0) continue;
    count.flops += cost->flops;
    count.bitops += cost->bitops;
    count.nodes.push_back({.node = node.name,
                           .op = std::string(graph::OpName(node.op)),
                           .flops = cost->flops,
                           .bitops = cost->bitops});
  }
  return count;
}

absl::StatusOr<std::vector<std::int64_t>> NonzeroWeights(const Network& network,
                                                         std::uint64_t seed) {
  std::vector<std::int64_t> nonzero(network.graph.nodes().size(), 0);
  const std::vector<std::vector<NodeTensor>> tensors = TensorsOfNodes(network.graph);
  for (std::size_t i = 0; i < nonzero.size(); ++i) {
    for (const NodeTensor& tensor : tensors[i]) {
      if (tensor.leaf != "weight") continue;
      std::vector<float> weight = network.tensors[tensor.index].f32;
      const graph::Node& node = network.graph.nodes()[i];
      if (const graph::NumberFormat* format = FormatOf(node, "weight")) {
        Random random(seed, RandomStream::kQuantize, static_cast<std::uint32_t>(i));
        const absl::Status status = quant::Quantize(
            *format, network.graph.tensors()[tensor.index].shape, weight, weight, &random);
        if (!status.ok()) {
          return absl::Status(status.code(),
                              fmt::format("{}: {}", node.name, std::string(status.message())));
        }
      }
      nonzero[i] = std::count_if(weight.begin(), weight.end(), [](float w) { return w != 0; });
    }
  }
  return nonzero;
}

const OpCount& OpCountReport::Headline() const {
  return *std::min_element(counts.begin(), counts.end(), [](const OpCount& a, const OpCount& b) {
    return a.unsupported.size() < b.unsupported.size();
  });
}

absl::StatusOr<OpCountReport> CountOps(const spec::CountOpsPass& pass, const Network& network,
                                       std::uint64_t seed) {
  std::vector<CountConvention> conventions = pass.conventions;
  if (conventions.empty()) {
    conventions = {CountConvention::kLabReport, CountConvention::kMacs, CountConvention::kBopsUniq,
                   CountConvention::kEbops};
  }
  std::vector<std::int64_t> nonzero;
  if (std::find(conventions.begin(), conventions.end(), CountConvention::kEbops) !=
      conventions.end()) {
    ASSIGN_OR_RETURN(nonzero, NonzeroWeights(network, seed));
  }
  OpCountReport report;
  report.batch_size = pass.batch_size;
  for (const CountConvention convention : conventions) {
    report.counts.push_back(
        CountOps(convention, network.graph, pass.batch_size, WidthsOfPass(pass), nonzero));
  }
  report.size_bits = SizeBits(network.graph);
  return report;
}

}  // namespace bitsweep::passes
