// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_PROTO_CONVERT_QUANTIZATION_H_
#define BITSWEEP_PROTO_CONVERT_QUANTIZATION_H_

#include <string>
#include <vector>

#include "bitsweep/v1/quantization.pb.h"
#include "core/base/errors.h"
#include "core/spec/quantize_spec.h"

namespace bitsweep::convert {

// `field` is the request's path of the message ("sweep.quantization"). Violations are only what the
// value could not carry (unknown enum values); the rest is spec::ValidateQuantize's to say. Pure.
spec::QuantizeSpec FromProto(const v1::Quantization& proto, const std::string& field,
                             std::vector<FieldViolation>& violations);
v1::Quantization ToProto(const spec::QuantizeSpec& spec);

}  // namespace bitsweep::convert

#endif  // BITSWEEP_PROTO_CONVERT_QUANTIZATION_H_
