// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/node_meta.h"

#include <algorithm>
#include <utility>

#include "core/base/status_macros.h"
#include "core/graph/report.h"
#include "fmt/format.h"
#include "worker/passes/network.h"

namespace bitsweep::passes {
namespace {

constexpr char kFloat32[] = "torch.float32";

// type and precision of a tensor.
void Describe(const graph::NumberFormat* format, TensorMeta& meta) {
  meta.type = format == nullptr ? "float" : std::string(graph::FormatName(*format));
  meta.precision = format == nullptr ? std::vector<std::int64_t>{32} : graph::Precision(*format);
}

bool IsParameter(std::string_view leaf) { return leaf == "weight" || leaf == "bias"; }

class Describer {
 public:
  Describer(const graph::Graph& graph, std::int64_t batch_size)
      : graph_(graph), batch_size_(batch_size), tensors_(TensorsOfNodes(graph)) {}

  void Common(std::size_t i, NodeMeta& meta) const {
    const graph::Node& node = graph_.nodes()[i];
    if (node.kind == graph::NodeKind::kOutput) return;
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
      const auto from = static_cast<std::size_t>(graph_.Find(node.inputs[k]));
      TensorMeta arg{.name = fmt::format("data_in_{}", k),
                     .shape = Batched(graph_.sample_shapes()[from], batch_size_),
                     .torch_dtype = kFloat32,
                     .source = node.inputs[k]};
      Describe(FormatOf(node, "data_in"), arg);
      meta.args.push_back(std::move(arg));
    }
    for (const NodeTensor& tensor : tensors_[i]) {
      if (!IsParameter(tensor.leaf)) continue;
      const graph::TensorInfo& info = graph_.tensors()[tensor.index];
      TensorMeta arg{.name = tensor.leaf, .shape = info.shape, .source = info.name};
      Describe(FormatOf(node, tensor.leaf), arg);
      meta.args.push_back(std::move(arg));
    }
    if (node.kind != graph::NodeKind::kCallModule) meta.scalars = Scalars(node.op);
    TensorMeta result{.name = "data_out_0",
                      .shape = Batched(graph_.sample_shapes()[i], batch_size_),
                      .precision = {32},
                      .torch_dtype = kFloat32,
                      .source = node.name};
    const bool is_quantized =
        node.quantization && !node.quantization->bypass &&
        (node.quantization->data_in || node.quantization->weight || node.quantization->bias);
    if (is_quantized && node.quantization->format == "binary") {
      result.type = "binary";
      result.precision = {32, 0, 1};
    }
    meta.results.push_back(std::move(result));
  }

  void Software(std::size_t i, NodeMeta& meta) const {
    const graph::Node& node = graph_.nodes()[i];
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
      meta.software_args.push_back(fmt::format("data_in_{}", k));
    }
    for (const NodeTensor& tensor : tensors_[i]) {
      if (!graph_.tensors()[tensor.index].is_int64) meta.software_args.push_back(tensor.leaf);
    }
    if (node.kind != graph::NodeKind::kOutput) meta.software_results.push_back("data_out_0");
  }

 private:
  // The arguments of a function or method call that are no tensors; positions count the tensor.
  static std::vector<ScalarArgument> Scalars(const graph::Op& op) {
    if (const auto* relu = std::get_if<graph::Relu>(&op)) {
      return {{.name = "inplace", .value = relu->inplace ? "True" : "False"}};
    }
    if (const auto* flatten = std::get_if<graph::Flatten>(&op)) {
      return {{.name = "start_dim", .value = fmt::format("{}", flatten->start_dim)}};
    }
    if (const auto* dropout = std::get_if<graph::Dropout>(&op)) {
      return {{.name = "p", .value = fmt::format("{}", dropout->p)}};
    }
    std::vector<ScalarArgument> scalars;
    if (const auto* view = std::get_if<graph::View>(&op)) {
      for (std::size_t k = 0; k < view->shape.size(); ++k) {
        scalars.push_back(
            {.name = fmt::format("shape_{}", k + 1), .value = fmt::format("{}", view->shape[k])});
      }
    }
    return scalars;
  }

  const graph::Graph& graph_;
  const std::int64_t batch_size_;
  const std::vector<std::vector<NodeTensor>> tensors_;
};

// {"common", "software"}, or those asked for, in this order.
absl::StatusOr<std::vector<std::string>> Parts(const std::vector<std::string>& which) {
  const auto asked = [&](std::string_view part) {
    return std::find(which.begin(), which.end(), part) != which.end();
  };
  for (const std::string& part : which) {
    if (part != "all" && part != "common" && part != "software") {
      return absl::InvalidArgumentError(
          fmt::format("which has \"{}\": expected all, common or software", part));
    }
  }
  std::vector<std::string> parts;
  const bool all = which.empty() || asked("all");
  if (all || asked("common")) parts.push_back("common");
  if (all || asked("software")) parts.push_back("software");
  return parts;
}

}  // namespace

absl::StatusOr<NodeMetaReport> ReportNodeMeta(const spec::ReportNodeMetaPass& pass,
                                              const graph::Graph& graph) {
  NodeMetaReport report;
  ASSIGN_OR_RETURN(report.which, Parts(pass.which));
  const Describer describer(graph, pass.batch_size);
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const graph::Node& node = graph.nodes()[i];
    NodeMeta meta{.name = node.name,
                  .fx_op = std::string(graph::Name(node.kind)),
                  .mase_type = std::string(graph::MaseType(node)),
                  .mase_op = std::string(graph::MaseOp(node))};
    for (const std::string& part : report.which) {
      if (part == "common") {
        describer.Common(i, meta);
      } else {
        describer.Software(i, meta);
      }
    }
    report.nodes.push_back(std::move(meta));
  }
  return report;
}

}  // namespace bitsweep::passes
