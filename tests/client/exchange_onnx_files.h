// SPDX-License-Identifier: Apache-2.0
// Short ways to write the ONNX files of a test.
#ifndef BITSWEEP_TESTS_CLIENT_EXCHANGE_ONNX_FILES_H_
#define BITSWEEP_TESTS_CLIENT_EXCHANGE_ONNX_FILES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "onnx/onnx_pb.h"

namespace bitsweep::testing {

inline onnx::AttributeProto OnnxInt(const std::string& name, std::int64_t value) {
  onnx::AttributeProto attribute;
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
  return attribute;
}
inline onnx::AttributeProto OnnxFloat(const std::string& name, float value) {
  onnx::AttributeProto attribute;
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::FLOAT);
  attribute.set_f(value);
  return attribute;
}
inline onnx::AttributeProto OnnxInts(const std::string& name,
                                     const std::vector<std::int64_t>& values) {
  onnx::AttributeProto attribute;
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
  return attribute;
}
inline onnx::AttributeProto OnnxText(const std::string& name, const std::string& value) {
  onnx::AttributeProto attribute;
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::STRING);
  attribute.set_s(value);
  return attribute;
}

// A model with the input "x" of [batch, sizes...] and the output "y".
class OnnxFile {
 public:
  explicit OnnxFile(const std::vector<std::int64_t>& sample_shape) {
    model.set_ir_version(8);
    model.add_opset_import()->set_version(15);
    graph().set_name("net");
    onnx::ValueInfoProto& input = *graph().add_input();
    input.set_name("x");
    onnx::TypeProto::Tensor& type = *input.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    type.mutable_shape()->add_dim()->set_dim_param("batch");
    for (const std::int64_t size : sample_shape)
      type.mutable_shape()->add_dim()->set_dim_value(size);
    graph().add_output()->set_name("y");
  }

  onnx::GraphProto& graph() { return *model.mutable_graph(); }

  OnnxFile& Floats(const std::string& name, const std::vector<std::int64_t>& shape,
                   const std::vector<float>& values) {
    onnx::TensorProto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t size : shape) tensor.add_dims(size);
    for (const float value : values) tensor.add_float_data(value);
    return *this;
  }
  OnnxFile& Integers(const std::string& name, const std::vector<std::int64_t>& values) {
    onnx::TensorProto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::INT64);
    tensor.add_dims(static_cast<std::int64_t>(values.size()));
    for (const std::int64_t value : values) tensor.add_int64_data(value);
    return *this;
  }
  OnnxFile& Node(const std::string& op, const std::string& name,
                 const std::vector<std::string>& inputs, const std::string& output,
                 const std::vector<onnx::AttributeProto>& attributes = {},
                 const std::string& domain = "") {
    onnx::NodeProto& node = *graph().add_node();
    node.set_op_type(op);
    node.set_name(name);
    node.set_domain(domain);
    for (const std::string& input : inputs) node.add_input(input);
    node.add_output(output);
    for (const onnx::AttributeProto& attribute : attributes) *node.add_attribute() = attribute;
    return *this;
  }
  // QONNX's Quant of a tensor, with a scale of its own.
  OnnxFile& Quant(const std::string& input, const std::string& output, float scale, float width,
                  std::int64_t is_signed = 1, std::int64_t narrow = 0,
                  const std::string& rounding = "ROUND") {
    Floats(output + "_scale", {}, {scale});
    Floats(output + "_zero", {}, {0});
    Floats(output + "_width", {}, {width});
    return Node("Quant", "q_" + output,
                {input, output + "_scale", output + "_zero", output + "_width"}, output,
                {OnnxInt("signed", is_signed), OnnxInt("narrow", narrow),
                 OnnxText("rounding_mode", rounding)},
                "qonnx.custom_op.general");
  }
  std::string Bytes() const { return model.SerializeAsString(); }

  onnx::ModelProto model;
};

}  // namespace bitsweep::testing

#endif  // BITSWEEP_TESTS_CLIENT_EXCHANGE_ONNX_FILES_H_
