// SPDX-License-Identifier: Apache-2.0
// Any text is a transform file or an error, and any transform is valid or has problems; what is
// valid can be expanded and put on its graph.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "client/api/transform_file.h"
#include "core/graph/zoo.h"
#include "core/spec/transform_spec.h"
#include "proto/convert/transform.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bitsweep;  // NOLINT
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto request = client::ParseTransformFile(text, "fuzz.toml");
  if (!request.ok()) return 0;
  std::vector<FieldViolation> violations;
  const spec::TransformSpec transform = convert::FromProto(request->transform(), violations);
  static const graph::Graph kGraph = graph::BuildModel("jsc-tiny", {}).value();
  const auto problems = spec::Validate(transform, &kGraph);
  if (!violations.empty() || !problems.empty()) return 0;
  const auto assignments = spec::ExpandAxes(transform);
  if (!assignments.ok()) return 0;
  if (!spec::ApplyAssignment(transform.passes, assignments->front()).ok()) std::abort();
  return 0;
}
