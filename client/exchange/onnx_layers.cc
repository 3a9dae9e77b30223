// SPDX-License-Identifier: Apache-2.0
// What computes: one node of ONNX is one of the graph, but for a MatMul and the Add of its bias.
#include <memory>
#include <utility>

#include "client/exchange/onnx_reader.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

absl::Status BadLayer(const std::string& why) { return absl::InvalidArgumentError(why); }

absl::Status CheckMatrix(const OnnxValue& weight) {
  if (weight.constant->shape.size() == 2) return absl::OkStatus();
  return BadLayer(fmt::format("its weight has shape {}, expected two dimensions",
                              graph::ShapeText(weight.constant->shape)));
}

// Whether it is a bias of `size` values, which may have shape [1, size].
absl::Status CheckBias(const OnnxValue& bias, std::int64_t size) {
  const graph::Shape& shape = bias.constant->shape;
  if (shape == graph::Shape{size} || shape == graph::Shape{1, size}) return absl::OkStatus();
  return BadLayer(
      fmt::format("its bias has shape {}, expected [{}]", graph::ShapeText(shape), size));
}

// The only number of a list of one; `otherwise` where there is none. The problem names it.
absl::StatusOr<std::int64_t> Single(const char* name,
                                    const std::optional<std::vector<std::int64_t>>& list,
                                    std::int64_t otherwise) {
  if (!list) return otherwise;
  if (list->size() == 1) return list->front();
  return BadLayer(fmt::format("{} has {} numbers, expected one: 1-D only", name, list->size()));
}

}  // namespace

absl::StatusOr<OnnxValue> OnnxReader::Gemm(Call& call) {
  const float alpha = call.attributes.Float("alpha", 1);
  const float beta = call.attributes.Float("beta", 1);
  const std::int64_t trans_a = call.attributes.Integer("transA", 0);
  const std::int64_t trans_b = call.attributes.Integer("transB", 0);
  if (alpha != 1 || beta != 1 || trans_a != 0) {
    return BadLayer(
        fmt::format("alpha {:g}, beta {:g}, transA {}: expected 1, 1 and 0", alpha, beta, trans_a));
  }
  ASSIGN_OR_RETURN(const OnnxValue x, Data(call, 0));
  ASSIGN_OR_RETURN(OnnxValue weight, Floats(call, 1));
  RETURN_IF_ERROR(CheckMatrix(weight));
  if (trans_b == 0) TransposeMatrix(weight);
  const std::int64_t out = weight.constant->shape[0];
  graph::Linear linear{
      .in_features = weight.constant->shape[1], .out_features = out, .bias = Has(call, 2)};
  std::vector<ModuleTensor> tensors{{.leaf = "weight", .value = std::move(weight)}};
  if (linear.bias) {
    ASSIGN_OR_RETURN(OnnxValue bias, Floats(call, 2));
    RETURN_IF_ERROR(CheckBias(bias, out));
    tensors.push_back({.leaf = "bias", .value = std::move(bias)});
  }
  return network_.Add(call.proto.name(), linear, {x}, std::move(tensors));
}

absl::StatusOr<OnnxValue> OnnxReader::MatMul(Call& call) {
  ASSIGN_OR_RETURN(const OnnxValue x, Data(call, 0));
  ASSIGN_OR_RETURN(OnnxValue weight, Floats(call, 1));
  RETURN_IF_ERROR(CheckMatrix(weight));
  TransposeMatrix(weight);
  const graph::Linear linear{.in_features = weight.constant->shape[1],
                             .out_features = weight.constant->shape[0],
                             .bias = false};
  ASSIGN_OR_RETURN(OnnxValue product,
                   network_.Add(call.proto.name(), linear, {x},
                                {{.leaf = "weight", .value = std::move(weight)}}));
  product.is_unbiased_product = uses_[call.proto.output(0)] == 1;
  return product;
}

absl::StatusOr<OnnxValue> OnnxReader::Conv(Call& call) {
  const std::string auto_pad = call.attributes.Text("auto_pad", "NOTSET");
  const std::int64_t group = call.attributes.Integer("group", 1);
  const auto dilations = call.attributes.Integers("dilations");
  const auto kernel = call.attributes.Integers("kernel_shape");
  const auto pads = call.attributes.Integers("pads");
  const auto strides = call.attributes.Integers("strides");
  ASSIGN_OR_RETURN(const OnnxValue x, Data(call, 0));
  ASSIGN_OR_RETURN(OnnxValue weight, Floats(call, 1));
  const graph::Shape& shape = weight.constant->shape;
  if (shape.size() != 3) {
    return BadLayer(fmt::format("its weight has shape {}, expected [out, in, kernel]: 1-D only",
                                graph::ShapeText(shape)));
  }
  graph::Conv1d conv{.in_channels = shape[1],
                     .out_channels = shape[0],
                     .kernel_size = shape[2],
                     .bias = Has(call, 2)};
  ASSIGN_OR_RETURN(const std::int64_t dilation, Single("dilations", dilations, 1));
  ASSIGN_OR_RETURN(const std::int64_t kernel_size, Single("kernel_shape", kernel, shape[2]));
  ASSIGN_OR_RETURN(conv.stride, Single("strides", strides, 1));
  if (group != 1 || dilation != 1 || kernel_size != shape[2]) {
    return BadLayer(fmt::format("group {}, dilation {}, kernel_shape {}: expected 1, 1 and {}",
                                group, dilation, kernel_size, shape[2]));
  }
  if (auto_pad != "NOTSET" && auto_pad != "VALID") {
    return BadLayer(fmt::format("auto_pad {}: expected pads", Quoted(auto_pad)));
  }
  if (pads && (pads->size() != 2 || pads->front() != pads->back())) {
    return BadLayer(fmt::format("pads {}: expected as many on the left as on the right",
                                graph::ShapeText(*pads)));
  }
  if (pads && auto_pad == "NOTSET") conv.padding = pads->front();
  std::vector<ModuleTensor> tensors{{.leaf = "weight", .value = std::move(weight)}};
  if (conv.bias) {
    ASSIGN_OR_RETURN(OnnxValue bias, Floats(call, 2));
    RETURN_IF_ERROR(CheckBias(bias, conv.out_channels));
    tensors.push_back({.leaf = "bias", .value = std::move(bias)});
  }
  return network_.Add(call.proto.name(), conv, {x}, std::move(tensors));
}

absl::StatusOr<OnnxValue> OnnxReader::BatchNormalization(Call& call) {
  graph::BatchNorm1d norm;
  norm.eps = Decimal(call.attributes.Float("epsilon", 1e-5F));
  // ONNX's is the share of the old value.
  const double kept = Decimal(call.attributes.Float("momentum", 0.9F));
  norm.momentum = Decimal(static_cast<float>(1 - kept));
  const std::int64_t is_training = call.attributes.Integer("training_mode", 0);
  call.attributes.Ignore("spatial");
  if (is_training != 0) {
    return BadLayer("training_mode 1: export the network as it is used, after model.eval()");
  }
  ASSIGN_OR_RETURN(const OnnxValue x, Data(call, 0));
  std::vector<ModuleTensor> tensors;
  std::size_t place = 1;
  for (const char* leaf : {"weight", "bias", "running_mean", "running_var"}) {
    ASSIGN_OR_RETURN(OnnxValue value, Floats(call, place++));
    norm.num_features = static_cast<std::int64_t>(value.constant->floats.size());
    const graph::Shape& first =
        tensors.empty() ? value.constant->shape : tensors.front().value.constant->shape;
    if (value.constant->shape.size() != 1 || value.constant->shape != first) {
      return BadLayer(fmt::format("its {} has shape {}, expected one number a channel", leaf,
                                  graph::ShapeText(value.constant->shape)));
    }
    tensors.push_back({.leaf = leaf, .value = std::move(value)});
  }
  return network_.Add(call.proto.name(), norm, {x}, std::move(tensors));
}

absl::StatusOr<OnnxValue> OnnxReader::Relu(Call& call) {
  ASSIGN_OR_RETURN(const OnnxValue x, Data(call, 0));
  return network_.Add(call.proto.name(), graph::Relu{}, {x});
}

absl::StatusOr<OnnxValue> OnnxReader::Sigmoid(Call& call) {
  ASSIGN_OR_RETURN(const OnnxValue x, Data(call, 0));
  return network_.Add(call.proto.name(), graph::Sigmoid{}, {x});
}

absl::StatusOr<OnnxValue> OnnxReader::Add(Call& call) {
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    if (!Has(call, i) || call.inputs[i]->constant == nullptr) continue;
    ASSIGN_OR_RETURN(const OnnxValue bias, Floats(call, i));
    ASSIGN_OR_RETURN(const OnnxValue product, Data(call, 1 - i));
    if (!product.is_unbiased_product) {
      return BadLayer(fmt::format(
          "it adds the constant {}: only to a MatMul that nothing else reads, as its bias",
          Quoted(bias.name)));
    }
    return network_.AddBias(product, bias);
  }
  ASSIGN_OR_RETURN(const OnnxValue a, Data(call, 0));
  ASSIGN_OR_RETURN(const OnnxValue b, Data(call, 1));
  return network_.Add(call.proto.name(), graph::Add{}, {a, b});
}

absl::StatusOr<OnnxValue> OnnxReader::Dropout(Call& call) {
  graph::Dropout dropout{.p = Decimal(call.attributes.Float("ratio", 0.5F))};
  call.attributes.Ignore("seed");
  ASSIGN_OR_RETURN(const OnnxValue x, Data(call, 0));
  if (Has(call, 1)) {
    ASSIGN_OR_RETURN(const OnnxValue ratio, Floats(call, 1));
    const float* p = SameElement(ratio.constant->floats);
    if (p == nullptr) return BadLayer("its ratio is no single number");
    dropout.p = Decimal(*p);
  }
  return network_.Add(call.proto.name(), dropout, {x});
}

}  // namespace bitsweep::exchange
