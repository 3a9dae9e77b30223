// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_EXCHANGE_HLS4ML_EXPORT_H_
#define BITSWEEP_CLIENT_EXCHANGE_HLS4ML_EXPORT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/exchange/export.h"

namespace bitsweep::exchange {

// What hls4ml converts (docs/exchange/hls4ml.md): "model.onnx", a QONNX model of the nodes that
// hls4ml reads, and "config.yml" with the precision of each of its layers.
//
// InvalidArgument that names every node that hls4ml cannot compute as we do: convolutions, sigmoid,
// linear layers that are not quantized to integers, formats other than integers of 2 bits or more,
// tensors of more than one dimension a sample, numbers that are none. Pure.
absl::StatusOr<std::vector<ExportedFile>> ToHls4ml(const ExportInput& input);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_HLS4ML_EXPORT_H_
