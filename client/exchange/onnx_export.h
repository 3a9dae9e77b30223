// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_EXCHANGE_ONNX_EXPORT_H_
#define BITSWEEP_CLIENT_EXCHANGE_ONNX_EXPORT_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/exchange/export.h"

namespace bitsweep::exchange {

// The model as ONNX (docs/exchange/onnx.md says how each op and tensor is written).
// InvalidArgument that names every quantized tensor, unless input.drop_quantization; a bypassed
// one computes in full precision and counts as float. Pure.
absl::StatusOr<std::string> ToOnnx(const ExportInput& input);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_ONNX_EXPORT_H_
