// SPDX-License-Identifier: Apache-2.0
// Used inside this room: ValidateQuantize where sizes of tensors may not be known.
#ifndef BITSWEEP_CORE_SPEC_QUANTIZE_CHECK_H_
#define BITSWEEP_CORE_SPEC_QUANTIZE_CHECK_H_

#include <string>
#include <vector>

#include "core/spec/quantize_spec.h"

namespace bitsweep::spec {

// As ValidateQuantize. Without `sizes_are_known` the graph's names and ops count, but not the sizes
// of its tensors: those of a built-in model follow a data set that only workers can read.
std::vector<FieldViolation> CheckQuantize(const QuantizeSpec& spec, const graph::Graph* graph,
                                          bool sizes_are_known, const std::string& field);

// What the configuration makes of the node. REQUIRES: the configuration is valid for it.
graph::NodeQuantization QuantizationOf(const graph::Node& node, const FormatConfig& config);

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_QUANTIZE_CHECK_H_
