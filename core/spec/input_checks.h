// SPDX-License-Identifier: Apache-2.0
// Checks of what sweeps and transforms begin with: a model and a data set. Used inside this room.
#ifndef BITSWEEP_CORE_SPEC_INPUT_CHECKS_H_
#define BITSWEEP_CORE_SPEC_INPUT_CHECKS_H_

#include <optional>
#include <string>
#include <vector>

#include "core/base/errors.h"
#include "core/graph/graph.h"
#include "core/spec/dataset_spec.h"
#include "core/spec/model_spec.h"

namespace bitsweep::spec {

// Append every problem, with fields below `field` ("sweep.model", "transform.dataset"). Pure.
void CheckModel(const ModelSpec& model, const std::string& field,
                std::vector<FieldViolation>& violations);
void CheckDataset(const DatasetSpec& dataset, const std::string& field,
                  std::vector<FieldViolation>& violations);

// The graph of a builtin, made for the data set's sizes where these are known without its bytes and
// for 16 features and 5 classes otherwise, or of a graph given as JSON. Nothing for stored models
// and for what CheckModel refuses. `dataset` may be null. Pure.
std::optional<graph::Graph> GraphOf(const ModelSpec& model, const DatasetSpec* dataset);
// Whether GraphOf has the sizes that a worker's graph will have.
bool SizesAreKnown(const ModelSpec& model, const DatasetSpec* dataset);

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_INPUT_CHECKS_H_
