// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_PROTO_CONVERT_INPUTS_H_
#define BITSWEEP_PROTO_CONVERT_INPUTS_H_

#include <string>
#include <vector>

#include "bitsweep/v1/dataset.pb.h"
#include "bitsweep/v1/model.pb.h"
#include "core/base/errors.h"
#include "core/spec/dataset_spec.h"
#include "core/spec/model_spec.h"

namespace bitsweep::convert {

// `field` is the request's path of the message ("sweep.dataset"). `synthetic` for a name that is
// not synthetic-jets is a violation here, because the value could not carry it.
spec::DatasetSpec FromProto(const v1::Dataset& proto, const std::string& field,
                            std::vector<FieldViolation>& violations);
v1::Dataset ToProto(const spec::DatasetSpec& dataset);

// A graph becomes canonical JSON text; one that is wrong stays as it is, and more than one of
// builtin, name and graph does: spec::Validate refuses them.
spec::ModelSpec FromProto(const v1::ModelSource& proto, const std::string& field,
                          std::vector<FieldViolation>& violations);
v1::ModelSource ToProto(const spec::ModelSpec& model);

}  // namespace bitsweep::convert

#endif  // BITSWEEP_PROTO_CONVERT_INPUTS_H_
