// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_PASSES_QUANTILE_H_
#define BITSWEEP_WORKER_PASSES_QUANTILE_H_

#include <vector>

namespace bitsweep::passes {

// The q-quantile of `values` (which are reordered) with linear interpolation: with the values
// sorted, r = q (n - 1), the number r of the way between values[floor(r)] and its successor
// (method 7 of Hyndman and Fan, "Sample quantiles in statistical packages", 1996; the default of
// numpy and torch). In 64 bits. NaN when a value is NaN. O(n).
// REQUIRES: not empty, 0 <= q <= 1.
double Quantile(std::vector<float>& values, double q);

}  // namespace bitsweep::passes

#endif  // BITSWEEP_WORKER_PASSES_QUANTILE_H_
