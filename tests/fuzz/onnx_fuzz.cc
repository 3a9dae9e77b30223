// SPDX-License-Identifier: Apache-2.0
// Any bytes are a network or an error; a network has its checkpoint.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "client/exchange/onnx_import.h"
#include "core/graph/checkpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto model = bitsweep::exchange::FromOnnx({reinterpret_cast<const char*>(data), size});
  if (!model.ok()) return 0;
  const std::string bytes = bitsweep::graph::SerializeCheckpoint(model->checkpoint);
  if (!bitsweep::graph::ParseCheckpoint(bytes).ok()) std::abort();
  return 0;
}
