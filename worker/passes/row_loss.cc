// SPDX-License-Identifier: Apache-2.0
#include "worker/passes/row_loss.h"

#include <algorithm>
#include <cmath>

namespace bitsweep::passes {

std::int64_t ArgMax(std::span<const float> outputs) {
  return std::max_element(outputs.begin(), outputs.end()) - outputs.begin();
}

double CrossEntropy(std::span<const float> outputs, std::int32_t label) {
  const double highest = *std::max_element(outputs.begin(), outputs.end());
  double sum = 0;
  for (const float output : outputs) sum += std::exp(output - highest);
  return std::log(sum) - (outputs[static_cast<std::size_t>(label)] - highest);
}

}  // namespace bitsweep::passes
