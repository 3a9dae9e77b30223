// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_REPORT_COMPARE_SWEEPS_H_
#define BITSWEEP_CLIENT_REPORT_COMPARE_SWEEPS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "client/report/page.h"
#include "client/report/statistics.h"
#include "client/report/sweep_results.h"

namespace bitsweep::report {

// A configuration that two sweeps have, with what their repeats say.
struct ConfigurationPair {
  std::int64_t a = 0;
  std::int64_t b = 0;
  Sample sample_a;
  Sample sample_b;
  Difference difference;  // of B to A; REQUIRES both to have results
};

// The configurations of two sweeps by equal hyper-parameters.
struct Matching {
  std::vector<ConfigurationPair> pairs;  // both have results
  std::vector<std::int64_t> only_a;      // no equal one with results in B
  std::vector<std::int64_t> only_b;
};
Matching Match(const SweepResults& a, const SweepResults& b);

// Two sweeps side by side: what was run, every pair with its difference and whether that is more
// than noise, in numbers, words and a picture. `best_a`, `best_b`: the curves of each one's best
// configuration, without points where there is none. Pure.
Page BuildSweepComparison(const SweepResults& a, const SweepResults& b, const Curve& best_a,
                          const Curve& best_b, const std::string& made);

// Names and values of two things side by side; rows that differ are marked.
Table SideBySide(const std::string& title, const Facts& a, const Facts& b);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_COMPARE_SWEEPS_H_
