// SPDX-License-Identifier: Apache-2.0
// Any bytes are tensors of jsc-tiny or an error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/graph/safetensors.h"
#include "core/graph/zoo.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bitsweep::graph::Graph kGraph = bitsweep::graph::BuildModel("jsc-tiny", {}).value();
  const auto tensors =
      bitsweep::graph::TensorsFromSafetensors(kGraph, {reinterpret_cast<const char*>(data), size});
  if (tensors.ok() && tensors->size() != kGraph.tensors().size()) std::abort();
  return 0;
}
