// SPDX-License-Identifier: Apache-2.0
#include "client/report/graph_nodes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/graph/graph_json.h"
#include "core/graph/zoo.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "google/protobuf/util/json_util.h"

namespace bitsweep::report {
namespace {

struct OpTextOf {
  std::string operator()(const graph::NoOp&) const { return ""; }
  std::string operator()(const graph::Linear& op) const {
    return fmt::format("linear {} \u2192 {}{}", op.in_features, op.out_features,
                       op.bias ? "" : ", no bias");
  }
  std::string operator()(const graph::Conv1d& op) const {
    std::string text = fmt::format("conv1d {} \u2192 {}, kernel {}", op.in_channels,
                                   op.out_channels, op.kernel_size);
    if (op.stride != 1) text += fmt::format(", stride {}", op.stride);
    if (op.padding != 0) text += fmt::format(", padding {}", op.padding);
    return text + (op.bias ? "" : ", no bias");
  }
  std::string operator()(const graph::BatchNorm1d& op) const {
    return fmt::format("batch_norm1d {}", op.num_features);
  }
  std::string operator()(const graph::Relu&) const { return "relu"; }
  std::string operator()(const graph::Sigmoid&) const { return "sigmoid"; }
  std::string operator()(const graph::Add&) const { return "add"; }
  std::string operator()(const graph::View&) const { return "view"; }
  std::string operator()(const graph::Flatten&) const { return "flatten"; }
  std::string operator()(const graph::Dropout& op) const { return fmt::format("dropout {}", op.p); }
};

// "op, [B, 5]".
std::string OpLine(const std::string& op, const std::vector<std::string>& sizes) {
  return fmt::format("{}{}[{}]", op, op.empty() ? "" : " \u00b7\u00a0", fmt::join(sizes, ", "));
}

std::vector<std::string> BatchSizes(const graph::Shape& sample) {
  std::vector<std::string> sizes = {"B"};
  for (const std::int64_t size : sample) sizes.push_back(fmt::format("{}", size));
  return sizes;
}

// Formats of a node's tensors, those that are equal on one line.
void AddFormats(const std::vector<std::pair<std::string, std::string>>& formats, bool is_bypassed,
                DrawnNode& node) {
  node.is_quantized = true;
  if (is_bypassed) {
    node.lines.push_back("quantized, bypassed");
    return;
  }
  std::vector<std::pair<std::string, std::string>> lines;  // format, tensors
  for (const auto& [tensor, format] : formats) {
    if (format.empty()) continue;
    const auto same = std::find_if(lines.begin(), lines.end(),
                                   [&, f = format](const auto& line) { return line.first == f; });
    if (same != lines.end()) {
      same->second += ", " + tensor;
    } else {
      lines.emplace_back(format, tensor);
    }
  }
  if (lines.empty()) node.lines.push_back("quantized");
  for (const auto& [format, tensors] : lines) {
    node.lines.push_back("quantized " + format);
    node.lines.push_back("of " + tensors);
  }
}

// A builtin's sizes follow the data set: known without it only where they are the builtin's own.
std::optional<std::vector<DrawnNode>> BuildNodes(const v1::Transform& transform) {
  const std::string& data = transform.dataset().name();
  if (!data.empty() && data != "synthetic-jets") return std::nullopt;
  graph::ZooOptions options;
  switch (transform.model().output_activation()) {
    case v1::OUTPUT_ACTIVATION_NONE:
      options.output_activation = graph::OutputActivation::kNone;
      break;
    case v1::OUTPUT_ACTIVATION_RELU:
      options.output_activation = graph::OutputActivation::kRelu;
      break;
    case v1::OUTPUT_ACTIVATION_SIGMOID:
      options.output_activation = graph::OutputActivation::kSigmoid;
      break;
    default:
      break;
  }
  const absl::StatusOr<graph::Graph> graph =
      graph::BuildModel(transform.model().builtin(), options);
  if (!graph.ok()) return std::nullopt;
  return NodesOf(*graph);
}

GraphSource Laid(std::vector<DrawnNode> nodes, const std::string& of, const v1::TransformJob& job) {
  bool is_quantized = false;
  for (const v1::PassResult& result : job.results()) {
    if (!result.has_quantize()) continue;
    is_quantized = true;
    MarkQuantized(result.quantize(), nodes);
  }
  return {std::move(nodes), of + (is_quantized ? ", and what the quantize passes made of it" : "")};
}

}  // namespace

std::vector<DrawnNode> NodesOf(const graph::Graph& graph) {
  std::vector<DrawnNode> nodes;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const graph::Node& node = graph.nodes()[i];
    DrawnNode drawn{.name = node.name, .inputs = node.inputs};
    std::string op = std::visit(OpTextOf(), node.op);
    if (op.empty()) op = node.kind == graph::NodeKind::kOutput ? "output" : "input";
    drawn.lines.push_back(OpLine(op, BatchSizes(graph.sample_shapes()[i])));
    if (const auto& q = node.quantization) {
      const auto text = [](const std::optional<graph::NumberFormat>& format) {
        return format ? graph::FormatText(*format) : std::string();
      };
      AddFormats(
          {{"data_in", text(q->data_in)}, {"weight", text(q->weight)}, {"bias", text(q->bias)}},
          q->bypass, drawn);
    }
    nodes.push_back(std::move(drawn));
  }
  return nodes;
}

std::optional<std::vector<DrawnNode>> NodesOf(const google::protobuf::Struct& graph) {
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(graph, &text).ok()) return std::nullopt;
  const absl::StatusOr<graph::Graph> read = graph::FromJson(text);
  if (!read.ok()) return std::nullopt;
  return NodesOf(*read);
}

std::vector<DrawnNode> NodesOf(const v1::NodeMetaReport& report) {
  std::vector<DrawnNode> nodes;
  std::set<std::string> known;
  std::string last;
  for (const v1::NodeMeta& meta : report.nodes()) {
    DrawnNode node{.name = meta.name()};
    std::vector<std::pair<std::string, std::string>> formats;
    for (const v1::TensorMeta& arg : meta.args()) {
      if (known.contains(arg.source())) node.inputs.push_back(arg.source());
      const bool is_second_input = arg.name().starts_with("data_in_") && arg.name() != "data_in_0";
      if (arg.type() == "float" || is_second_input) continue;
      formats.emplace_back(arg.name() == "data_in_0" ? "data_in" : arg.name(),
                           fmt::format("{} ({})", arg.type(), fmt::join(arg.precision(), ", ")));
    }
    if (meta.fx_op() == "output" && node.inputs.empty() && !last.empty()) {
      node.inputs.push_back(last);
    }
    std::vector<std::string> sizes;
    if (!meta.results().empty()) {
      for (const std::int64_t size : meta.results(0).shape()) {
        sizes.push_back(fmt::format("{}", size));
      }
    }
    const std::string op = meta.fx_op() == "placeholder" ? "input" : meta.mase_op();
    node.lines.push_back(sizes.empty() ? op : OpLine(op, sizes));
    if (!formats.empty()) AddFormats(formats, false, node);
    known.insert(meta.name());
    last = meta.name();
    nodes.push_back(std::move(node));
  }
  return nodes;
}

void MarkQuantized(const v1::QuantizeReport& report, std::vector<DrawnNode>& nodes) {
  std::map<std::string, const v1::QuantizedNode*> quantized;
  for (const v1::QuantizedNode& node : report.nodes()) quantized.emplace(node.node(), &node);
  for (DrawnNode& node : nodes) {
    const auto found = quantized.find(node.name);
    if (found == quantized.end()) continue;
    const v1::QuantizedNode& q = *found->second;
    // An earlier quantize pass, or the model itself, may have marked it.
    if (node.lines.size() > 1) node.lines.resize(1);
    AddFormats({{"data_in", q.data_in()}, {"weight", q.weight()}, {"bias", q.bias()}},
               q.data_in().empty() && q.weight().empty() && q.bias().empty(), node);
  }
}

GraphSource FindGraph(const v1::Transform& transform, const v1::TransformJob& job,
                      const v1::Model* result, const v1::Model* source) {
  if (result != nullptr && result->has_graph()) {
    if (auto nodes = NodesOf(result->graph())) return {std::move(*nodes), "From " + result->name()};
  }
  const v1::ModelSource& model = transform.model();
  if (source != nullptr && source->has_graph()) {
    if (auto nodes = NodesOf(source->graph())) {
      return Laid(std::move(*nodes), "From " + source->name(), job);
    }
  }
  if (model.has_graph()) {
    if (auto nodes = NodesOf(model.graph())) {
      return Laid(std::move(*nodes), "From the graph of the specification", job);
    }
  }
  if (!model.builtin().empty()) {
    if (auto nodes = BuildNodes(transform)) {
      return Laid(std::move(*nodes), "From the builtin " + model.builtin(), job);
    }
  }
  const v1::NodeMetaReport* meta = nullptr;
  for (const v1::PassResult& pass : job.results()) {
    if (pass.has_node_meta()) meta = &pass.node_meta();
  }
  if (meta != nullptr && !meta->nodes().empty()) {
    return Laid(NodesOf(*meta), "From what report_node_meta says; its shapes have the pass' batch",
                job);
  }
  const std::string what = !model.name().empty() ? "the model " + model.name() + " is gone"
                           : !model.builtin().empty()
                               ? "sizes of the builtin " + model.builtin() + " follow its data set"
                               : "the specification's graph cannot be read";
  return {.nodes = {},
          .remark = fmt::format("The graph is not drawn: {}, no model of the job is kept, and no "
                                "report_node_meta pass describes its nodes.",
                                what)};
}

}  // namespace bitsweep::report
