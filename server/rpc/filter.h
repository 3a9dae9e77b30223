// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_SERVER_RPC_FILTER_H_
#define BITSWEEP_SERVER_RPC_FILTER_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store/records.h"

namespace bitsweep::rpc {

// What is listed; decides how values are read.
enum class Listed { kSweeps, kTrials, kModels, kTransforms, kTransformJobs };

// The documented subset of AIP-160 (docs/api.md): `field op value`, joined by AND; op is one of
// = != < <= > >=; a value is a number, a word, or text in double quotes with \" and \\. At most
// 4096 characters and 32 conditions. Enum values are accepted with and without their prefix
// (RUNNING, STATE_RUNNING), compared with = and != only, and become what the store has;
// `workers/w1` becomes w1. InvalidArgument / INVALID_FILTER says what is wrong at which character.
// Which fields exist is the store's to say. Pure.
absl::StatusOr<std::vector<store::Condition>> ParseFilter(std::string_view text, Listed listed);

}  // namespace bitsweep::rpc

#endif  // BITSWEEP_SERVER_RPC_FILTER_H_
