// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_REPORT_SWEEP_TABLES_H_
#define BITSWEEP_CLIENT_REPORT_SWEEP_TABLES_H_

#include <optional>

#include "client/report/page.h"
#include "client/report/sweep_results.h"

namespace bitsweep::report {

// What was run and what came of it, in names and values.
Facts SweepFacts(const SweepResults& results);
// A row a configuration, in the plan's order; the base is marked. Above kMostConfigurations only
// the best ones, and `left_out` is how many are not there.
inline constexpr std::size_t kMostConfigurations = 10000;
Table ConfigurationTable(const SweepResults& results, std::size_t& left_out);
// What ended without a result; nullopt when all is well.
std::optional<Section> FailureSection(const SweepResults& results);

// Missing for what is no number.
Cell NumberCell(double value, const char* format);
Cell CountCell(std::int64_t value);
Cell TextCell(std::string text);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_SWEEP_TABLES_H_
