// SPDX-License-Identifier: Apache-2.0
// Networks from ONNX and QONNX files (docs/exchange/import.md says what is read and how).
#ifndef BITSWEEP_CLIENT_EXCHANGE_ONNX_IMPORT_H_
#define BITSWEEP_CLIENT_EXCHANGE_ONNX_IMPORT_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/checkpoint.h"

namespace bitsweep::exchange {

struct OnnxModel {
  graph::Checkpoint checkpoint;
  std::vector<std::string> notes;  // for people: where the graph comes from, what was decided
};

// The network of the file. A file of ours gives the graph that it was written from, names and all,
// as long as its nodes are still the ones that this graph gives; else the nodes are read, one by
// one, and quantizer nodes become the quantization of the nodes that read them.
//
// InvalidArgument with every problem: no ONNX file, one of another version, an op, an attribute, a
// type or a use of quantized values that a graph cannot hold, by the node's name and op; tensors
// that are missing or in another file. Never reads outside `bytes`. Pure.
absl::StatusOr<OnnxModel> FromOnnx(std::string_view bytes);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_ONNX_IMPORT_H_
