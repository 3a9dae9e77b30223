// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_API_TRANSFORM_FILE_H_
#define BITSWEEP_CLIENT_API_TRANSFORM_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bitsweep/v1/transform_service.pb.h"

namespace bitsweep::client {

// What takes the place of the file's own, where not empty.
struct TransformOverrides {
  std::string model;    // a builtin, or models/{model}
  std::string dataset;  // a data set's name
};

// A transform file's text as the request it is: SubmitTransformRequest's shape, as ParseSweepFile
// takes a sweep's, or the lab report's own form (docs/transform_files.md), which has `model`,
// `dataset` or `passes` at the top and whose passes run in the file's order. What the file has that
// means nothing here is added to `warnings`, if any, for people. Pure. InvalidArgument names `name`
// and lists every unknown field and value with its path (as ErrorDetails too), or the line of a
// syntax error.
absl::StatusOr<v1::SubmitTransformRequest> ParseTransformFile(
    const std::string& text, const std::string& name, const TransformOverrides& overrides = {},
    std::vector<std::string>* warnings = nullptr);

// Reads `path`, or standard input for "-", and parses it.
absl::StatusOr<v1::SubmitTransformRequest> ReadTransformFile(
    const std::string& path, const TransformOverrides& overrides = {},
    std::vector<std::string>* warnings = nullptr);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_API_TRANSFORM_FILE_H_
