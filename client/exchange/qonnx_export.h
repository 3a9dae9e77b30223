// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_EXCHANGE_QONNX_EXPORT_H_
#define BITSWEEP_CLIENT_EXCHANGE_QONNX_EXPORT_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/exchange/export.h"

namespace bitsweep::exchange {

// The model as QONNX (docs/exchange/onnx.md): as ToOnnx writes it, with a quantizer node in front
// of each input that a node rounds. InvalidArgument that names every tensor whose format no
// quantizer of QONNX computes. Pure.
absl::StatusOr<std::string> ToQonnx(const ExportInput& input);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_QONNX_EXPORT_H_
