// SPDX-License-Identifier: Apache-2.0
#include "worker/train/engine.h"

#include "fmt/format.h"

namespace bitsweep::train {

absl::Status CheckFit(const graph::Graph& graph, const data::Dataset& dataset) {
  if (graph.InputFeatures() != dataset.features) {
    return absl::InvalidArgumentError(
        fmt::format("the model {} takes {} features, the data set has {}", graph.name(),
                    graph.InputFeatures(), dataset.features));
  }
  if (graph.OutputFeatures() < dataset.classes) {
    return absl::InvalidArgumentError(
        fmt::format("the model {} has {} outputs, the data set has {} classes", graph.name(),
                    graph.OutputFeatures(), dataset.classes));
  }
  if (graph.ParameterCount() == 0) {
    return absl::InvalidArgumentError(
        fmt::format("the model {} has no parameters to train", graph.name()));
  }
  return absl::OkStatus();
}

}  // namespace bitsweep::train
