// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_REPORT_SWEEP_PAGE_H_
#define BITSWEEP_CLIENT_REPORT_SWEEP_PAGE_H_

#include <string>
#include <vector>

#include "client/report/page.h"
#include "client/report/sweep_results.h"

namespace bitsweep::report {

// The report of a sweep, whatever its state. `curves`: of ConfigurationsToDraw(results), those that
// have points. `made`: Page::made. Pure.
Page BuildSweepPage(const SweepResults& results, const std::vector<Curve>& curves,
                    const std::string& made);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_SWEEP_PAGE_H_
