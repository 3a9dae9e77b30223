// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_PROTO_CONVERT_TRANSFORM_H_
#define BITSWEEP_PROTO_CONVERT_TRANSFORM_H_

#include <vector>

#include "absl/status/statusor.h"
#include "bitsweep/v1/transform.pb.h"
#include "bitsweep/v1/worker_service.pb.h"
#include "core/base/errors.h"
#include "core/spec/transform_spec.h"

namespace bitsweep::convert {

// The specification in a request's `transform`; fields that the server fills are not read. Adds to
// `violations` what the value could not carry; the rest is spec::Validate's to say. Pure.
spec::TransformSpec FromProto(const v1::Transform& proto, std::vector<FieldViolation>& violations);
// The specification part: equal specifications give equal messages.
v1::Transform ToProto(const spec::TransformSpec& spec);

v1::AxisValue ToProto(const spec::AxisValue& value);

// InvalidArgument lists every field that is missing or unknown.
absl::StatusOr<spec::TransformWork> FromProto(const v1::TransformWork& proto);
v1::TransformWork ToProto(const spec::TransformWork& work);

}  // namespace bitsweep::convert

#endif  // BITSWEEP_PROTO_CONVERT_TRANSFORM_H_
