// SPDX-License-Identifier: Apache-2.0
// verify_quantization: tensors before and after, and what became of the outputs.
#include <algorithm>

#include "client/output/pass_report.h"
#include "client/output/tensor_text.h"
#include "fmt/format.h"

namespace bitsweep::client {
namespace {

using Values = google::protobuf::RepeatedField<double>;

std::string Vector(const Values& values) {
  return TensorText({values.begin(), values.end()}, {values.size()});
}

std::string TensorLines(const v1::QuantizedTensor& t) {
  const std::vector<std::int64_t> shape(t.shape().begin(), t.shape().end());
  const std::string step = t.step() > 0 ? fmt::format("step {}, ", t.step()) : "";
  return fmt::format(
      "original {0}: {1}\n"
      "quantized {0}: {2}\n"
      "{0}: {3}, {4} values, {5} distinct, {6}{7} saturated, {8} flushed to zero, max error "
      "{9:.6g}, "
      "mean error {10:.6g}, SQNR {11:.2f} dB\n",
      t.tensor(), TensorText({t.original().begin(), t.original().end()}, shape),
      TensorText({t.quantized().begin(), t.quantized().end()}, shape), t.format(), t.elements(),
      t.distinct(), step, t.saturated(), t.flushed_to_zero(), t.max_abs_error(), t.mean_abs_error(),
      t.sqnr_db());
}

std::string OutputLines(const v1::QuantizedOutput& output) {
  std::string text;
  if (!output.input().empty()) text += fmt::format("input: {}\n", Vector(output.input()));
  return text + fmt::format(
                    "output for original module: {}\n"
                    "output for quantized module: {}\n",
                    Vector(output.original()), Vector(output.quantized()));
}

}  // namespace

Sections ReportOf(const v1::QuantizationReport& report) {
  std::vector<std::string> nodes;  // in the graph's order
  const auto add = [&](const std::string& node) {
    if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) nodes.push_back(node);
  };
  for (const v1::QuantizedOutput& output : report.outputs()) add(output.node());
  for (const v1::QuantizedTensor& tensor : report.tensors()) add(tensor.node());
  Sections sections;
  for (const std::string& node : nodes) {
    std::string text = fmt::format("There is quantization at {}\n", node);
    for (const v1::QuantizedOutput& output : report.outputs()) {
      if (output.node() != node) continue;
      text += fmt::format("original module: {}, new module: {}\n", output.original_type(),
                          output.quantized_type());
    }
    for (const v1::QuantizedTensor& tensor : report.tensors()) {
      if (tensor.node() == node) text += TensorLines(tensor);
    }
    for (const v1::QuantizedOutput& output : report.outputs()) {
      if (output.node() == node) text += OutputLines(output);
    }
    sections.push_back({.text = std::move(text), .table = {}});
  }
  if (sections.empty()) sections.push_back({.text = "no node is quantized\n", .table = {}});
  return sections;
}

}  // namespace bitsweep::client
