// SPDX-License-Identifier: Apache-2.0
// Used inside this room.
#ifndef BITSWEEP_CLIENT_EXCHANGE_ONNX_READER_H_
#define BITSWEEP_CLIENT_EXCHANGE_ONNX_READER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/exchange/onnx_attributes.h"
#include "client/exchange/onnx_import.h"
#include "client/exchange/onnx_network.h"
#include "client/exchange/onnx_value.h"
#include "onnx/onnx_pb.h"

namespace bitsweep::exchange {

// Reads the nodes of one ONNX graph in their order. Used once; keeps a reference to the model.
class OnnxReader {
 public:
  explicit OnnxReader(const onnx::ModelProto& model);

  // Errors as FromOnnx.
  absl::StatusOr<OnnxModel> Read();

 private:
  // What one node reads, and its attributes.
  struct Call {
    const onnx::NodeProto& proto;
    OnnxAttributes& attributes;
    std::vector<const OnnxValue*> inputs;  // nullptr: left out
  };
  using Handler = absl::StatusOr<OnnxValue> (OnnxReader::*)(Call& call);
  static const std::map<std::string_view, Handler>& Handlers();
  static const std::map<std::string_view, Handler>& QuantizerHandlers();

  void ReadInitializers();
  void ReadInput();
  void ReadNode(const onnx::NodeProto& node, std::size_t index);
  absl::StatusOr<OnnxValue> ReadKnown(const onnx::NodeProto& node, Handler handler);
  // The graph's only output; nullptr, with a problem, where there is none that is known.
  const OnnxValue* FindOutput();

  // An input by its place. InvalidArgument: it is not there, or a constant and should be none, ...
  static absl::StatusOr<OnnxValue> Data(const Call& call, std::size_t i);
  static absl::StatusOr<OnnxValue> Floats(const Call& call, std::size_t i);
  static absl::StatusOr<std::vector<std::int64_t>> IntegersOf(const Call& call, std::size_t i);
  static bool Has(const Call& call, std::size_t i);
  // Each constant only once, so that a file's nodes cannot ask for more memory than its tensors do
  // twice. REQUIRES: floats, two dimensions.
  void TransposeMatrix(OnnxValue& matrix);

  // onnx_layers.cc
  absl::StatusOr<OnnxValue> Gemm(Call& call);
  absl::StatusOr<OnnxValue> MatMul(Call& call);
  absl::StatusOr<OnnxValue> Conv(Call& call);
  absl::StatusOr<OnnxValue> BatchNormalization(Call& call);
  absl::StatusOr<OnnxValue> Relu(Call& call);
  absl::StatusOr<OnnxValue> Sigmoid(Call& call);
  absl::StatusOr<OnnxValue> Add(Call& call);
  absl::StatusOr<OnnxValue> Dropout(Call& call);

  // onnx_shapes.cc
  absl::StatusOr<OnnxValue> Reshape(Call& call);
  absl::StatusOr<OnnxValue> Flatten(Call& call);
  absl::StatusOr<OnnxValue> Squeeze(Call& call);
  absl::StatusOr<OnnxValue> Unsqueeze(Call& call);
  absl::StatusOr<OnnxValue> Identity(Call& call);
  absl::StatusOr<OnnxValue> Constant(Call& call);
  absl::StatusOr<OnnxValue> ShapeOf(Call& call);
  absl::StatusOr<OnnxValue> Gather(Call& call);
  absl::StatusOr<OnnxValue> Concat(Call& call);
  absl::StatusOr<OnnxValue> Transpose(Call& call);
  absl::StatusOr<OnnxValue> ToShape(const Call& call, const OnnxValue& x,
                                    const graph::Shape& sample_shape);

  // onnx_quantizers.cc
  absl::StatusOr<OnnxValue> Quant(Call& call);
  absl::StatusOr<OnnxValue> BipolarQuant(Call& call);
  absl::StatusOr<OnnxValue> FloatQuant(Call& call);
  absl::StatusOr<OnnxValue> Rounded(const Call& call, const graph::NumberFormat& format);

  const onnx::ModelProto& model_;
  const onnx::GraphProto& graph_;
  std::int64_t batch_ = 0;  // that the file was written with; 0: any
  std::map<std::string, OnnxValue> values_;
  std::map<std::string, int> uses_;  // how often a name is read
  std::set<std::string> unknown_;    // names behind a problem that is told already
  OnnxNetwork network_;
  // Matrices by those with rows and columns exchanged, both ways.
  std::map<std::shared_ptr<const OnnxConstant>, std::shared_ptr<const OnnxConstant>> transposed_;
  std::vector<std::string> problems_;
  std::vector<std::string> notes_;
};

// "node \"fc1\" (Gemm)", or "node 3 (Gemm)" of one without a name.
std::string OnnxNodeText(const onnx::NodeProto& node, std::size_t index);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_ONNX_READER_H_
