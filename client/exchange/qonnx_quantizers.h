// SPDX-License-Identifier: Apache-2.0
// Used inside this room.
#ifndef BITSWEEP_CLIENT_EXCHANGE_QONNX_QUANTIZERS_H_
#define BITSWEEP_CLIENT_EXCHANGE_QONNX_QUANTIZERS_H_

#include <string>

#include "client/exchange/onnx_builder.h"
#include "core/graph/number_format.h"

namespace bitsweep::exchange {

// The domain of QONNX's operators.
inline constexpr char kQonnxDomain[] = "qonnx.custom_op.general";

// Why no quantizer of QONNX computes what `format` computes; empty when one does. Pure.
//
// What there is (qonnx 1.0): Quant, whose signed integers of one bit are +-1; BipolarQuant, +-1;
// FloatQuant, the nearest number of a minifloat without codes for infinity and NaN, whose
// arithmetic is float32: its smallest step must be a float32 that is not subnormal, its largest
// value a float32, and with more than 16 bits behind the point its logarithm is not exact enough.
std::string WhyNoQuantizer(const graph::NumberFormat& format);

// A quantizer node called `name` from tensor `input` to the tensor `name`.
// REQUIRES: WhyNoQuantizer is empty; `name` is from builder.UniqueName.
void AddQuantizer(const graph::NumberFormat& format, const std::string& name,
                  const std::string& input, OnnxBuilder& builder);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_QONNX_QUANTIZERS_H_
