// SPDX-License-Identifier: Apache-2.0
// Any text is a graph or an error; a graph survives the way to text and back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/graph/graph_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bitsweep::graph;  // NOLINT
  const auto graph = FromJson({reinterpret_cast<const char*>(data), size});
  if (!graph.ok()) return 0;
  const auto again = FromJson(ToJson(*graph));
  if (!again.ok() || !(*again == *graph)) std::abort();
  return 0;
}
