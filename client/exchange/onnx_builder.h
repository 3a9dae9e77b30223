// SPDX-License-Identifier: Apache-2.0
// Used inside this room.
#ifndef BITSWEEP_CLIENT_EXCHANGE_ONNX_BUILDER_H_
#define BITSWEEP_CLIENT_EXCHANGE_ONNX_BUILDER_H_

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/graph.h"
#include "onnx/onnx_pb.h"

namespace bitsweep::exchange {

// Writes an ONNX model node after node. Opset 15 and IR version 8: the newest that Debian 12's
// checker knows, and old enough for what runs such files. Equal calls give equal bytes.
class OnnxBuilder {
 public:
  static constexpr int kOpset = 15;
  static constexpr int kIrVersion = 8;

  OnnxBuilder();

  onnx::ModelProto& model() { return model_; }

  // A name that no other node, initializer or tensor has: `wanted`, with underscores behind it
  // where that is taken.
  std::string UniqueName(const std::string& wanted);

  // Appends a node. The caller adds attributes to what is returned, which the next call moves.
  onnx::NodeProto& Add(std::string_view op, const std::string& name,
                       const std::vector<std::string>& inputs, const std::string& output,
                       std::string_view domain = "");

  // The node that was added last.
  onnx::NodeProto& LastNode() { return *graph_.mutable_node(graph_.node_size() - 1); }

  void AddFloats(const std::string& name, const graph::Shape& shape, std::span<const float> values);
  void AddIntegers(const std::string& name, std::span<const std::int64_t> values);  // of rank 1
  void AddScalar(const std::string& name, float value);

  // The batch's size is left open: the dimension "batch".
  void SetInput(const std::string& name, const graph::Shape& sample_shape);
  void SetOutput(const std::string& name, const graph::Shape& sample_shape);
  void AddShape(const std::string& name, const graph::Shape& sample_shape);   // of one in between
  void AddConstantShape(const std::string& name, const graph::Shape& shape);  // without a batch
  // From here on initializers too have their shapes told.
  void DescribeConstants() { describes_constants_ = true; }

  void AddMetadata(const std::string& key, const std::string& value);

  // ResourceExhausted: more than the 2 GB that a protobuf message may have.
  absl::StatusOr<std::string> Finish() const;

 private:
  onnx::ModelProto model_;
  onnx::GraphProto& graph_;
  std::set<std::string, std::less<>> names_;
  bool describes_constants_ = false;
};

void SetAttribute(onnx::NodeProto& node, std::string_view name, std::int64_t value);
void SetAttribute(onnx::NodeProto& node, std::string_view name, float value);
void SetAttribute(onnx::NodeProto& node, std::string_view name, const char* value);
void SetAttribute(onnx::NodeProto& node, std::string_view name,
                  const std::vector<std::int64_t>& values);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_ONNX_BUILDER_H_
