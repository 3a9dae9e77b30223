// SPDX-License-Identifier: Apache-2.0
// Used inside this room.
#ifndef BITSWEEP_CLIENT_EXCHANGE_HLS4ML_CHECK_H_
#define BITSWEEP_CLIENT_EXCHANGE_HLS4ML_CHECK_H_

#include <vector>

#include "core/base/errors.h"
#include "core/graph/checkpoint.h"

namespace bitsweep::exchange {

// Everything of a model that hls4ml cannot compute as we do, by node and tensor. Pure.
std::vector<FieldViolation> Hls4mlProblems(const graph::Checkpoint& checkpoint);

}  // namespace bitsweep::exchange

#endif  // BITSWEEP_CLIENT_EXCHANGE_HLS4ML_CHECK_H_
