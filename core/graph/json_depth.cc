// SPDX-License-Identifier: Apache-2.0
#include "core/graph/json_depth.h"

#include <cstddef>

namespace bitsweep::graph {

bool IsNestedDeeperThan(int limit, std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > limit) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace bitsweep::graph
