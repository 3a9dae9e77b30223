// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_SPEC_VALIDATE_H_
#define BITSWEEP_CORE_SPEC_VALIDATE_H_

#include <cstdint>
#include <vector>

#include "core/base/errors.h"
#include "core/spec/sweep_spec.h"

namespace bitsweep::spec {

// Limits of one sweep (docs/api.md repeats them).
inline constexpr std::int64_t kMaxTrials = 1'000'000;
inline constexpr std::int64_t kMaxRepeats = 10'000;
inline constexpr std::int64_t kMaxEpochs = 40'000;  // their points fit in one answer
inline constexpr std::int64_t kMaxBatchSize = 16'777'216;
inline constexpr std::int64_t kMaxSyntheticRows = 100'000'000;

// Every problem of `spec`, with fields named as in SubmitSweepRequest
// ("sweep.grid.learning_rate[2]"). Empty means that ExpandPlan is defined for it (but for
// PLAN_TOO_LARGE). Pure. Names of stored models are checked for form only: whether they exist is
// the store's to say.
std::vector<FieldViolation> Validate(const SweepSpec& spec);

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_VALIDATE_H_
