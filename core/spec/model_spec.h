// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_SPEC_MODEL_SPEC_H_
#define BITSWEEP_CORE_SPEC_MODEL_SPEC_H_

#include <optional>
#include <string>

#include "core/graph/op.h"

namespace bitsweep::spec {

// The network a sweep trains. Exactly one of `builtin`, `stored`, `graph_json` is set.
struct ModelSpec {
  std::string builtin;     // a name of the zoo: core/graph/zoo.h
  std::string stored;      // "models/{model}": start from its graph and its tensors
  std::string graph_json;  // the graph IR as JSON, canonical text: core/graph/graph_json.h
  // Of builtins that offer it (jsc-rs1923); unset means the preset's own.
  std::optional<graph::OutputActivation> output_activation;

  bool operator==(const ModelSpec&) const = default;
};

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_MODEL_SPEC_H_
