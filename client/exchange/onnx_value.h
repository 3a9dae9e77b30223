// SPDX-License-Identifier: Apache-2.0
// Used inside this room.
#ifndef BITSWEEP_CLIENT_EXCHANGE_ONNX_VALUE_H_
#define BITSWEEP_CLIENT_EXCHANGE_ONNX_VALUE_H_

#include <memory>
#include <optional>
#include <string>

#include "client/exchange/onnx_constant.h"
#include "core/graph/graph.h"

namespace bitsweep::exchange {

// What stands behind one name of an ONNX graph: what a node computes, or a tensor of the file.
struct OnnxValue {
  std::string node;                              // the graph's node; empty of a constant
  std::shared_ptr<const OnnxConstant> constant;  // nullptr of what a node computes
  std::string name;                              // of a constant: the tensor's, before quantizers
  bool is_transposed = false;                    // of a constant: otherwise than in that tensor
  std::optional<graph::NumberFormat> format;     // whose rounding is still to be done by the reader
  std::string quantizer;                         // the node that asked for it, for people
  bool is_unbiased_product = false;              // of a MatMul, to which a bias may be added
};

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_ONNX_VALUE_H_
