// SPDX-License-Identifier: Apache-2.0
#include "client/exchange/onnx_builder.h"

#include <bit>
#include <limits>

#include "absl/status/status.h"
#include "core/base/version.h"
#include "fmt/format.h"

namespace bitsweep::exchange {
namespace {

static_assert(std::endian::native == std::endian::little, "ONNX's raw data is little-endian");

void FillTensorType(onnx::ValueInfoProto& info, const std::string& name, const graph::Shape& shape,
                    bool is_batch) {
  info.set_name(name);
  onnx::TypeProto::Tensor& tensor = *info.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(onnx::TensorProto::FLOAT);
  onnx::TensorShapeProto& sizes = *tensor.mutable_shape();
  if (is_batch) sizes.add_dim()->set_dim_param("batch");
  for (const std::int64_t size : shape) sizes.add_dim()->set_dim_value(size);
}

onnx::AttributeProto& AddAttribute(onnx::NodeProto& node, std::string_view name,
                                   onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(std::string(name));
  attribute.set_type(type);
  return attribute;
}

}  // namespace

OnnxBuilder::OnnxBuilder() : graph_(*model_.mutable_graph()) {
  model_.set_ir_version(kIrVersion);
  model_.set_producer_name("bitsweep");
  model_.set_producer_version(Version());
  onnx::OperatorSetIdProto& opset = *model_.add_opset_import();
  opset.set_domain("");
  opset.set_version(kOpset);
}

std::string OnnxBuilder::UniqueName(const std::string& wanted) {
  std::string name = wanted;
  while (!names_.insert(name).second) name += "_";
  return name;
}

onnx::NodeProto& OnnxBuilder::Add(std::string_view op, const std::string& name,
                                  const std::vector<std::string>& inputs, const std::string& output,
                                  std::string_view domain) {
  onnx::NodeProto& node = *graph_.add_node();
  node.set_op_type(std::string(op));
  node.set_name(name);
  if (!domain.empty()) node.set_domain(std::string(domain));
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(output);
  return node;
}

void OnnxBuilder::AddFloats(const std::string& name, const graph::Shape& shape,
                            std::span<const float> values) {
  onnx::TensorProto& tensor = *graph_.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (const std::int64_t size : shape) tensor.add_dims(size);
  if (describes_constants_) AddConstantShape(name, shape);
  tensor.set_raw_data(values.data(), values.size_bytes());
}

void OnnxBuilder::AddIntegers(const std::string& name, std::span<const std::int64_t> values) {
  onnx::TensorProto& tensor = *graph_.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::INT64);
  tensor.add_dims(static_cast<std::int64_t>(values.size()));
  tensor.set_raw_data(values.data(), values.size_bytes());
}

void OnnxBuilder::AddScalar(const std::string& name, float value) {
  AddFloats(name, {}, std::span(&value, 1));
}

void OnnxBuilder::SetInput(const std::string& name, const graph::Shape& sample_shape) {
  FillTensorType(*graph_.add_input(), name, sample_shape, true);
}

void OnnxBuilder::SetOutput(const std::string& name, const graph::Shape& sample_shape) {
  FillTensorType(*graph_.add_output(), name, sample_shape, true);
}

void OnnxBuilder::AddShape(const std::string& name, const graph::Shape& sample_shape) {
  FillTensorType(*graph_.add_value_info(), name, sample_shape, true);
}

void OnnxBuilder::AddConstantShape(const std::string& name, const graph::Shape& shape) {
  FillTensorType(*graph_.add_value_info(), name, shape, false);
}

void OnnxBuilder::AddMetadata(const std::string& key, const std::string& value) {
  onnx::StringStringEntryProto& entry = *model_.add_metadata_props();
  entry.set_key(key);
  entry.set_value(value);
}

absl::StatusOr<std::string> OnnxBuilder::Finish() const {
  const std::size_t size = model_.ByteSizeLong();
  if (size > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    return absl::ResourceExhaustedError(
        fmt::format("the ONNX model has {} bytes: a protobuf message has at most 2 GiB", size));
  }
  return model_.SerializeAsString();
}

void SetAttribute(onnx::NodeProto& node, std::string_view name, std::int64_t value) {
  AddAttribute(node, name, onnx::AttributeProto::INT).set_i(value);
}

void SetAttribute(onnx::NodeProto& node, std::string_view name, float value) {
  AddAttribute(node, name, onnx::AttributeProto::FLOAT).set_f(value);
}

void SetAttribute(onnx::NodeProto& node, std::string_view name, const char* value) {
  AddAttribute(node, name, onnx::AttributeProto::STRING).set_s(value);
}

void SetAttribute(onnx::NodeProto& node, std::string_view name,
                  const std::vector<std::int64_t>& values) {
  onnx::AttributeProto& attribute = AddAttribute(node, name, onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
}

}  // namespace bitsweep::exchange
