// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_GRAPH_JSON_DEPTH_H_
#define BITSWEEP_CORE_GRAPH_JSON_DEPTH_H_

#include <string_view>

namespace bitsweep::graph {

// Whether brackets and braces of a JSON text nest deeper than `limit`. Looked at before parsing:
// writing a parsed value out again needs stack in proportion to its depth. Of a text that is no
// JSON the answer covers all that a parser reads before it finds out. Pure.
bool IsNestedDeeperThan(int limit, std::string_view text);

}  // namespace bitsweep::graph

#endif  // BITSWEEP_CORE_GRAPH_JSON_DEPTH_H_
