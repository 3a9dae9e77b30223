// SPDX-License-Identifier: Apache-2.0
// Checks of one pass of a transform. Used inside this room.
#ifndef BITSWEEP_CORE_SPEC_PASS_CHECKS_H_
#define BITSWEEP_CORE_SPEC_PASS_CHECKS_H_

#include <string>
#include <vector>

#include "core/base/errors.h"
#include "core/graph/graph.h"
#include "core/spec/transform_spec.h"

namespace bitsweep::spec {

// What a pass finds.
struct PassInputs {
  const graph::Graph* graph = nullptr;  // as the passes before leave it; null: not known
  bool sizes_are_known = true;
  bool has_dataset = false;
};

// Every problem, with fields below `field` ("transform.passes[0]"). Pure.
std::vector<FieldViolation> CheckPass(const PassSpec& pass, const PassInputs& inputs,
                                      const std::string& field);

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_PASS_CHECKS_H_
