// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_RESULTS_CSV_TEXT_H_
#define BITSWEEP_CLIENT_RESULTS_CSV_TEXT_H_

#include <memory>

#include "client/results/results_text.h"

namespace bitsweep::results {

// RFC 4180 but for its line breaks: the columns' names, then a line a trial. Numbers with every
// digit; nothing where there is no value. Text that a spreadsheet would take for a formula gets an
// apostrophe in front.
std::unique_ptr<ResultsText> MakeCsvText();

}  // namespace bitsweep::results

#endif  // BITSWEEP_CLIENT_RESULTS_CSV_TEXT_H_
