// SPDX-License-Identifier: Apache-2.0
#include "worker/train/initial_model.h"

#include <utility>

#include "core/base/status_macros.h"
#include "core/graph/graph_json.h"
#include "core/graph/zoo.h"
#include "worker/nn/initialize.h"

namespace bitsweep::train {

absl::StatusOr<graph::Checkpoint> InitialModel(const spec::ModelSpec& model, bool has_artifact,
                                               const std::string& checkpoint,
                                               const data::Dataset* dataset, std::uint64_t seed) {
  if (has_artifact) return graph::ParseCheckpoint(checkpoint);
  graph::ZooOptions options{.output_activation = model.output_activation};
  if (dataset != nullptr) {
    options.features = dataset->features;
    options.classes = dataset->classes;
  }
  absl::StatusOr<graph::Graph> graph = model.graph_json.empty()
                                           ? graph::BuildModel(model.builtin, options)
                                           : graph::FromJson(model.graph_json);
  if (!graph.ok()) return graph.status();
  std::vector<graph::TensorValue> tensors = nn::InitialTensors(*graph, seed);
  return graph::Checkpoint{.graph = *std::move(graph), .tensors = std::move(tensors)};
}

absl::StatusOr<graph::Checkpoint> Quantized(graph::Checkpoint model,
                                            const std::optional<spec::QuantizeSpec>& quantization) {
  if (!quantization) return model;
  ASSIGN_OR_RETURN(model.graph, spec::Quantize(model.graph, *quantization));
  return model;
}

}  // namespace bitsweep::train
