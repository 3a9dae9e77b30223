// SPDX-License-Identifier: Apache-2.0
// Used inside this room.
#ifndef BITSWEEP_WORKER_TRAIN_FUSED_GRADIENT_ROWS_H_
#define BITSWEEP_WORKER_TRAIN_FUSED_GRADIENT_ROWS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/train/fused/program.h"

namespace bitsweep::train::fused {

inline constexpr std::uint32_t kNoGradient = ~std::uint32_t{0};

// The gradient of one value: as many rows as the value has.
struct GradientRows {
  std::uint32_t count = 0;
  std::uint32_t first = 0;  // filled by AssignGradientRows
};

// Settles the backward pass of `program`, whose operations name gradients by their positions in
// `gradients` (kNoGradient: none): which operation is the first to write one and which add to it,
// and rows for each, shared by gradients whose lives do not meet: from the first writer, going
// backwards, to the operation that made the value. The loss writes `output` before all. Returns the
// rows used. Unimplemented when the result of an operation does not reach the output, by the name
// of its node in `names`, one an operation.
absl::StatusOr<std::uint32_t> AssignGradientRows(std::vector<GradientRows>& gradients,
                                                 std::uint32_t output,
                                                 const std::vector<std::string>& names,
                                                 Program& program);

}  // namespace bitsweep::train::fused

#endif  // BITSWEEP_WORKER_TRAIN_FUSED_GRADIENT_ROWS_H_
