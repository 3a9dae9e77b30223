// SPDX-License-Identifier: Apache-2.0
// Any bytes are arrays of jsc-tiny or an error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "client/exchange/npz.h"
#include "core/graph/zoo.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bitsweep::graph::Graph kGraph = bitsweep::graph::BuildModel("jsc-tiny", {}).value();
  const auto tensors =
      bitsweep::exchange::TensorsFromNpz(kGraph, {reinterpret_cast<const char*>(data), size});
  if (tensors.ok() && tensors->size() != kGraph.tensors().size()) std::abort();
  return 0;
}
