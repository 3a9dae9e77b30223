// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_RESULTS_JSON_TEXT_H_
#define BITSWEEP_CLIENT_RESULTS_JSON_TEXT_H_

#include <memory>

#include "client/results/results_text.h"

namespace bitsweep::results {

// One document: {"sweep": ..., "configurations": [...], "trials": [...]}. A trial is its row with
// `epoch_points` and `attempts`.
std::unique_ptr<ResultsText> MakeJsonText();
// One trial a line, and nothing else.
std::unique_ptr<ResultsText> MakeJsonLinesText();

}  // namespace bitsweep::results

#endif  // BITSWEEP_CLIENT_RESULTS_JSON_TEXT_H_
