// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_WORKER_QUANT_INTEGER_GRID_H_
#define BITSWEEP_WORKER_QUANT_INTEGER_GRID_H_

#include "core/graph/number_format.h"

namespace bitsweep::quant {

// The numbers of an integer format: y = clamp(rint(x scale), lowest, highest) step, floor instead
// of rint where `floor` says so; NaN stays NaN, a zero keeps its sign. float32 throughout; rint
// rounds ties to even.
struct IntegerGrid {
  float scale = 1;  // 2^f
  float step = 1;   // 2^-f
  float lowest = 0;
  float highest = 0;
  bool floor = false;
};

// Bounds -2^(w-1) and 2^(w-1) - 1, unsigned 0 and 2^w - 1; above 24 bits their nearest float32s.
// Pure.
IntegerGrid GridOf(const graph::IntegerFormat& format);

}  // namespace bitsweep::quant

#endif  // BITSWEEP_WORKER_QUANT_INTEGER_GRID_H_
