// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_RESULTS_OPTUNA_JOURNAL_H_
#define BITSWEEP_CLIENT_RESULTS_OPTUNA_JOURNAL_H_

#include <memory>
#include <string>

#include "client/results/results_text.h"

namespace bitsweep::results {

// What Optuna's JournalFileBackend reads: one study, whose name is the sweep's id, with a trial for
// each trial in the plan's order, so that numbers are equal. Each is written as one finished
// record. `metric`: the value and, by epoch, the intermediate values. REQUIRES: one of
// MetricNames().
std::unique_ptr<ResultsText> MakeOptunaJournal(std::string metric);

}  // namespace bitsweep::results

#endif  // BITSWEEP_CLIENT_RESULTS_OPTUNA_JOURNAL_H_
