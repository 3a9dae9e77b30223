// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_PROTO_CONVERT_PASSES_H_
#define BITSWEEP_PROTO_CONVERT_PASSES_H_

#include <string>
#include <vector>

#include "bitsweep/v1/pass.pb.h"
#include "core/base/errors.h"
#include "core/spec/transform_spec.h"

namespace bitsweep::convert {

// `field` is the request's path of the message ("transform.passes[1]"). Violations are what the
// value could not carry: no pass, unknown enum values, a missing weight of prune. The rest is
// spec::Validate's to say. Pure.
spec::PassSpec FromProto(const v1::Pass& proto, const std::string& field,
                         std::vector<FieldViolation>& violations);
// Every field that has a default is set.
v1::Pass ToProto(const spec::PassSpec& pass);

}  // namespace bitsweep::convert

#endif  // BITSWEEP_PROTO_CONVERT_PASSES_H_
