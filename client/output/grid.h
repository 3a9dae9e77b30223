// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_OUTPUT_GRID_H_
#define BITSWEEP_CLIENT_OUTPUT_GRID_H_

#include <string>
#include <vector>

namespace bitsweep::client {

// A table with lines between its rows, whose cells may have several lines; a line break at its
// end. Pure. REQUIRES: each row has as many cells as there are headers.
std::string RenderGrid(const std::vector<std::string>& headers,
                       const std::vector<std::vector<std::string>>& rows);

}  // namespace bitsweep::client

#endif  // BITSWEEP_CLIENT_OUTPUT_GRID_H_
