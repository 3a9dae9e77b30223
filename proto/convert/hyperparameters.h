// SPDX-License-Identifier: Apache-2.0
// Wire messages to core values and back, for what server and worker both speak of. Pure;
// thread-safe.
#ifndef BITSWEEP_PROTO_CONVERT_HYPERPARAMETERS_H_
#define BITSWEEP_PROTO_CONVERT_HYPERPARAMETERS_H_

#include <string>
#include <vector>

#include "bitsweep/v1/hyperparameters.pb.h"
#include "bitsweep/v1/sweep.pb.h"
#include "core/base/errors.h"
#include "core/spec/hyperparameters.h"
#include "core/spec/sweep_spec.h"

namespace bitsweep::convert {

// An enum value that this version does not know becomes a violation of `field` + its name.
spec::PartialHyperparameters FromProto(const v1::Hyperparameters& proto, const std::string& field,
                                       std::vector<FieldViolation>& violations);
// Every field set.
v1::Hyperparameters ToProto(const spec::Hyperparameters& h);
v1::Hyperparameters ToProto(const spec::PartialHyperparameters& h);

v1::Optimizer ToProto(spec::Optimizer optimizer);
spec::Optimizer FromProto(v1::Optimizer optimizer, const std::string& field,
                          std::vector<FieldViolation>& violations);
v1::Schedule ToProto(spec::Schedule schedule);
spec::Schedule FromProto(v1::Schedule schedule, const std::string& field,
                         std::vector<FieldViolation>& violations);
v1::Engine ToProto(spec::EngineChoice engine);
spec::EngineChoice FromProto(v1::Engine engine, const std::string& field,
                             std::vector<FieldViolation>& violations);

}  // namespace bitsweep::convert

#endif  // BITSWEEP_PROTO_CONVERT_HYPERPARAMETERS_H_
