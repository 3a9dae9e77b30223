// SPDX-License-Identifier: Apache-2.0
// The built-in networks (docs/numerics.md, "Models").
#ifndef BITSWEEP_CORE_GRAPH_ZOO_H_
#define BITSWEEP_CORE_GRAPH_ZOO_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/graph/graph.h"

namespace bitsweep::graph {

struct ZooOptions {
  std::int64_t features = 16;  // of one row of the data set
  std::int64_t classes = 5;
  std::optional<OutputActivation> output_activation;  // unset: the preset's own
};

// "jsc-tiny", "jsc-toy", "jsc-s", "jsc-three-linear-layers", "jsc-trt", "jsc-rs1923",
// "jsc-rs1923-relu".
const std::vector<std::string_view>& BuiltinModels();
bool IsBuiltinModel(std::string_view name);
// Whether the model has an output_activation option (the rs1923 family).
bool HasOutputActivation(std::string_view name);

// InvalidArgument: unknown name (the message lists all), an output_activation where there is none,
// sizes below 1 or above 2^20. Node and tensor names, shapes and counts as in
// tests/golden/model_parameters.json and graph_reports.json. jsc-rs1923 takes rows as [1,
// features].
absl::StatusOr<Graph> BuildModel(std::string_view name, const ZooOptions& options);

}  // namespace bitsweep::graph

#endif  // BITSWEEP_CORE_GRAPH_ZOO_H_
