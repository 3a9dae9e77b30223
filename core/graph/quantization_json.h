// SPDX-License-Identifier: Apache-2.0
// A node's quantization as a value of the graph JSON (docs/graph_ir.md). Used inside this room.
#ifndef BITSWEEP_CORE_GRAPH_QUANTIZATION_JSON_H_
#define BITSWEEP_CORE_GRAPH_QUANTIZATION_JSON_H_

#include <string>

#include "core/graph/number_format.h"
#include "nlohmann/json_fwd.hpp"

namespace bitsweep::graph {

// {"bypass":false,"data_in":{"floor":false,"frac_width":4,"signed":true,"width":8},...,"format":"integer"}
// Tensors that pass through and thresholds that are unset are left out; everything else is written.
nlohmann::json QuantizationToJson(const NodeQuantization& quantization);

// The inverse; throws std::invalid_argument as JsonObject does. Ranges are Graph::Create's to
// check.
NodeQuantization ReadQuantization(const nlohmann::json& json, const std::string& where);

}  // namespace bitsweep::graph

#endif  // BITSWEEP_CORE_GRAPH_QUANTIZATION_JSON_H_
