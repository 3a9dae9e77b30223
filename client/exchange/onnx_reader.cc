// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/onnx_reader.h"

#include <memory>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/graph/tensor_match.h"
#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

// Where quantizers come from: QONNX itself, and what Brevitas and FINN have called it.
bool IsQuantizerDomain(std::string_view domain) {
  return domain == "qonnx.custom_op.general" || domain == "finn.custom_op.general" ||
         domain == "onnx.brevitas";
}

std::string UnknownOp(const onnx::NodeProto& node) {
  const std::string& op = node.op_type();
  if (!node.domain().empty() && node.domain() != "ai.onnx") {
    return fmt::format(
        "an op of the domain {}: known are those of ONNX, and QONNX's Quant, "
        "BipolarQuant and FloatQuant",
        Quoted(node.domain()));
  }
  if (op == "Softmax" || op == "LogSoftmax") {
    return "the graph has no such op: end the network before it; training and evaluation take the "
           "cross-entropy of what comes out";
  }
  return "the graph has no such op: known are Gemm, MatMul with Add, Conv, BatchNormalization, "
         "Relu, Sigmoid, Add, Reshape, Flatten, Squeeze, Unsqueeze, Dropout, Identity and Constant";
}

}  // namespace

std::string OnnxNodeText(const onnx::NodeProto& node, std::size_t index) {
  const std::string op = ToValidUtf8(node.op_type(), 100);
  if (node.name().empty()) return fmt::format("node {} ({})", index, op);
  return fmt::format("node {} ({})", Quoted(node.name()), op);
}

const std::map<std::string_view, OnnxReader::Handler>& OnnxReader::Handlers() {
  static const auto& handlers = *new std::map<std::string_view, Handler>{
      {"Add", &OnnxReader::Add},
      {"BatchNormalization", &OnnxReader::BatchNormalization},
      {"Concat", &OnnxReader::Concat},
      {"Constant", &OnnxReader::Constant},
      {"Conv", &OnnxReader::Conv},
      {"Dropout", &OnnxReader::Dropout},
      {"Flatten", &OnnxReader::Flatten},
      {"Gather", &OnnxReader::Gather},
      {"Gemm", &OnnxReader::Gemm},
      {"Identity", &OnnxReader::Identity},
      {"MatMul", &OnnxReader::MatMul},
      {"Relu", &OnnxReader::Relu},
      {"Reshape", &OnnxReader::Reshape},
      {"Shape", &OnnxReader::ShapeOf},
      {"Sigmoid", &OnnxReader::Sigmoid},
      {"Squeeze", &OnnxReader::Squeeze},
      {"Transpose", &OnnxReader::Transpose},
      {"Unsqueeze", &OnnxReader::Unsqueeze}};
  return handlers;
}

const std::map<std::string_view, OnnxReader::Handler>& OnnxReader::QuantizerHandlers() {
  static const auto& handlers =
      *new std::map<std::string_view, Handler>{{"BipolarQuant", &OnnxReader::BipolarQuant},
                                               {"FloatQuant", &OnnxReader::FloatQuant},
                                               {"IntQuant", &OnnxReader::Quant},
                                               {"Quant", &OnnxReader::Quant}};
  return handlers;
}

OnnxReader::OnnxReader(const onnx::ModelProto& model) : model_(model), graph_(model.graph()) {
  for (const onnx::NodeProto& node : graph_.node()) {
    for (const std::string& input : node.input()) ++uses_[input];
  }
  for (const onnx::ValueInfoProto& output : graph_.output()) ++uses_[output.name()];
}

void OnnxReader::ReadInitializers() {
  for (const onnx::TensorProto& tensor : graph_.initializer()) {
    absl::StatusOr<OnnxConstant> constant = ReadOnnxTensor(tensor);
    if (!constant.ok()) {
      problems_.push_back(fmt::format("initializer {}: {}", Quoted(tensor.name()),
                                      std::string(constant.status().message())));
      unknown_.insert(tensor.name());
    } else if (!values_
                    .emplace(tensor.name(), OnnxValue{.constant = std::make_shared<OnnxConstant>(
                                                          *std::move(constant)),
                                                      .name = tensor.name()})
                    .second) {
      problems_.push_back(fmt::format("initializer {} is given twice", Quoted(tensor.name())));
    }
  }
  for (const onnx::SparseTensorProto& tensor : graph_.sparse_initializer()) {
    problems_.push_back(fmt::format("initializer {} is sparse", Quoted(tensor.values().name())));
    unknown_.insert(tensor.values().name());
  }
}

void OnnxReader::ReadInput() {
  std::vector<const onnx::ValueInfoProto*> inputs;
  for (const onnx::ValueInfoProto& input : graph_.input()) {
    if (!values_.contains(input.name()) && !unknown_.contains(input.name())) {
      inputs.push_back(&input);
    }
  }
  for (const auto* input : inputs) unknown_.insert(input->name());
  if (inputs.size() != 1) {
    std::string names;
    for (const auto* input : inputs) names += (names.empty() ? ": " : ", ") + Quoted(input->name());
    problems_.push_back(fmt::format("{} inputs{}; expected 1", inputs.size(), names));
    return;
  }
  const std::string& name = inputs.front()->name();
  const onnx::TypeProto::Tensor& type = inputs.front()->type().tensor_type();
  graph::Shape shape;
  bool is_known = inputs.front()->type().has_tensor_type() && type.shape().dim_size() >= 2 &&
                  type.shape().dim_size() <= 8 && type.elem_type() == onnx::TensorProto::FLOAT;
  for (int d = 1; is_known && d < type.shape().dim_size(); ++d) {
    shape.push_back(type.shape().dim(d).dim_value());
    is_known = shape.back() >= 1 && shape.back() <= graph::Graph::kMaxElements;
  }
  if (!is_known || graph::ElementCount(shape) > graph::Graph::kMaxElements) {
    problems_.push_back(fmt::format(
        "input {}: expected FLOAT of 2 to 8 dimensions, whose sizes are known but for the first, "
        "the batch's",
        Quoted(name)));
    return;
  }
  batch_ = type.shape().dim(0).dim_value();
  network_.SetInput(name, std::move(shape));
  unknown_.erase(name);
  values_[name] = {.node = network_.InputName()};
}

absl::StatusOr<OnnxValue> OnnxReader::ReadKnown(const onnx::NodeProto& node, Handler handler) {
  OnnxAttributes attributes(node);
  Call call{.proto = node, .attributes = attributes, .inputs = {}};
  for (const std::string& input : node.input()) {
    if (input.empty()) {
      call.inputs.push_back(nullptr);
      continue;
    }
    const auto found = values_.find(input);
    if (found == values_.end()) {
      return absl::InvalidArgumentError(
          fmt::format("it reads {}, which is no input and no earlier node writes", Quoted(input)));
    }
    call.inputs.push_back(&found->second);
  }
  absl::StatusOr<OnnxValue> value = (this->*handler)(call);
  if (const std::string problems = attributes.Problems(); !problems.empty()) {
    return absl::InvalidArgumentError(problems);
  }
  return value;
}

void OnnxReader::ReadNode(const onnx::NodeProto& node, std::size_t index) {
  const bool is_standard = node.domain().empty() || node.domain() == "ai.onnx";
  const auto& handlers = is_standard ? Handlers() : QuantizerHandlers();
  const auto handler = handlers.find(node.op_type());
  std::string problem;
  bool is_known = true;
  if (handler == handlers.end() || (!is_standard && !IsQuantizerDomain(node.domain()))) {
    problem = UnknownOp(node);
  } else if (node.output_size() == 0) {
    problem = "it writes nothing";
  } else {
    for (const std::string& input : node.input()) is_known &= !unknown_.contains(input);
    if (is_known) {
      absl::StatusOr<OnnxValue> value = ReadKnown(node, handler->second);
      if (!value.ok()) {
        problem = std::string(value.status().message());
      } else if (!values_.emplace(node.output(0), *std::move(value)).second) {
        problem = fmt::format("it writes {}, which is there already", Quoted(node.output(0)));
      }
    }
  }
  if (!problem.empty()) {
    problems_.push_back(fmt::format("{}: {}", OnnxNodeText(node, index), problem));
  }
  if (problem.empty() && is_known) return;
  unknown_.insert(node.output().begin(), node.output().end());
}

const OnnxValue* OnnxReader::FindOutput() {
  if (graph_.output_size() != 1) {
    problems_.push_back(fmt::format("{} outputs, expected 1", graph_.output_size()));
    return nullptr;
  }
  const std::string& name = graph_.output(0).name();
  const auto found = values_.find(name);
  if (unknown_.contains(name)) return nullptr;
  if (found == values_.end() || found->second.constant != nullptr) {
    problems_.push_back(fmt::format("output {}: expected what a node computes", Quoted(name)));
    return nullptr;
  }
  if (found->second.format) {
    problems_.push_back(fmt::format(
        "output {}: {} rounds it: only what a linear, conv1d, relu or add reads can be rounded",
        Quoted(name), found->second.quantizer));
    return nullptr;
  }
  return &found->second;
}

absl::StatusOr<OnnxModel> OnnxReader::Read() {
  if (graph_.node_size() > 10 * graph::Graph::kMaxNodes) {
    return absl::InvalidArgumentError(fmt::format(
        "onnx: {} nodes, at most {} are read", graph_.node_size(), 10 * graph::Graph::kMaxNodes));
  }
  ReadInitializers();
  ReadInput();
  for (int i = 0; i < graph_.node_size(); ++i) {
    ReadNode(graph_.node(i), static_cast<std::size_t>(i));
  }
  const OnnxValue* output = FindOutput();
  if (!problems_.empty()) return graph::AllProblems("onnx", problems_);
  if (output == nullptr) return absl::InternalError("onnx: an output without a problem");
  absl::StatusOr<graph::Checkpoint> checkpoint =
      network_.Finish(graph_.name(), graph_.output(0).name(), *output);
  if (!checkpoint.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("onnx: {}", std::string(checkpoint.status().message())));
  }
  return OnnxModel{.checkpoint = *std::move(checkpoint), .notes = std::move(notes_)};
}

bool OnnxReader::Has(const Call& call, std::size_t i) {
  return i < call.inputs.size() && call.inputs[i] != nullptr;
}

absl::StatusOr<OnnxValue> OnnxReader::Data(const Call& call, std::size_t i) {
  if (!Has(call, i)) return absl::InvalidArgumentError(fmt::format("input {} is left out", i));
  if (call.inputs[i]->constant != nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("input {} is the constant {}, expected what a node computes", i,
                    Quoted(call.inputs[i]->name)));
  }
  return *call.inputs[i];
}

absl::StatusOr<OnnxValue> OnnxReader::Floats(const Call& call, std::size_t i) {
  if (!Has(call, i)) return absl::InvalidArgumentError(fmt::format("input {} is left out", i));
  const OnnxValue& value = *call.inputs[i];
  if (value.constant == nullptr || !value.constant->is_float) {
    return absl::InvalidArgumentError(
        fmt::format("input {} is {}, expected a tensor of floats that the file has", i,
                    value.constant == nullptr ? "what a node computes" : "a tensor of integers"));
  }
  return value;
}

absl::StatusOr<std::vector<std::int64_t>> OnnxReader::IntegersOf(const Call& call, std::size_t i) {
  if (!Has(call, i)) return absl::InvalidArgumentError(fmt::format("input {} is left out", i));
  const OnnxValue& value = *call.inputs[i];
  if (value.constant == nullptr || value.constant->is_float || value.constant->shape.size() > 1) {
    return absl::InvalidArgumentError(
        fmt::format("input {}: expected integers that the file has", i));
  }
  return value.constant->integers;
}

}  // namespace bitsweep::exchange
