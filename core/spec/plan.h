// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CORE_SPEC_PLAN_H_
#define BITSWEEP_CORE_SPEC_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/spec/sweep_spec.h"

namespace bitsweep::spec {

// One point of the search, duplicates merged.
struct Configuration {
  std::int64_t number = 0;  // position in the plan, from 0
  Hyperparameters hyperparameters;
};

// A point that gave a configuration the plan already had.
struct MergedDuplicate {
  std::int64_t point = 0;          // position in the search's enumeration, from 0
  std::int64_t configuration = 0;  // the configuration it was merged into
};

// Everything that a sweep will run, fixed when it is submitted.
// Trial t (from 0) is repeat t % repeats of configuration t / repeats.
struct Plan {
  std::vector<Configuration> configurations;
  std::vector<MergedDuplicate> duplicates;
  std::int64_t repeats = 1;
  std::vector<std::string> varying;   // names of the fields that differ, in Hyperparameters' order
  std::vector<std::string> warnings;  // for people: what is legal but unusual

  std::int64_t TrialCount() const {
    return static_cast<std::int64_t>(configurations.size()) * repeats;
  }
};

// The plan of a valid spec. A pure function: the same spec gives the same plan for ever.
// INVALID_ARGUMENT / PLAN_TOO_LARGE when it has more than kMaxTrials trials.
// REQUIRES: Validate(spec) is empty.
absl::StatusOr<Plan> ExpandPlan(const SweepSpec& spec);

// The seed of a trial: SeedFromText("bitsweep.trial.v1|{sweep seed}|{CanonicalText(h)}|{repeat}").
// Independent of a configuration's position, so that it keeps its numbers when a search grows.
std::uint64_t TrialSeed(std::int64_t sweep_seed, const Hyperparameters& h, std::int64_t repeat);

}  // namespace bitsweep::spec

#endif  // BITSWEEP_CORE_SPEC_PLAN_H_
