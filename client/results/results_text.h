// SPDX-License-Identifier: Apache-2.0
// A sweep's results as text that other programs read: docs/exchange/results.md.
#ifndef BITSWEEP_CLIENT_RESULTS_RESULTS_TEXT_H_
#define BITSWEEP_CLIENT_RESULTS_RESULTS_TEXT_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "bitsweep/v1/sweep.pb.h"
#include "bitsweep/v1/trial.pb.h"

namespace bitsweep::results {

// Writes one sweep piece by piece, so that a sweep of any size needs the memory of one trial. The
// calls are Begin, Configuration for each, Trial for each, both in the plan's order, End; what they
// return, one after another, is the text, in UTF-8 with line breaks of one character. Pure.
class ResultsText {
 public:
  // What must be brought; what is not needed may be left out.
  struct Needs {
    bool configurations = false;
    bool epochs_and_attempts = false;  // trials as TRIAL_VIEW_FULL gives them
  };

  virtual ~ResultsText() = default;
  virtual Needs needs() const = 0;
  virtual std::string Begin(const v1::Sweep& sweep) = 0;
  virtual std::string Configuration(const v1::Configuration& /*configuration*/) { return ""; }
  virtual std::string Trial(const v1::Trial& trial) = 0;
  virtual std::string End() { return ""; }
};

// "csv", "json", "jsonl", "optuna".
const std::vector<std::string>& FormatNames();
// What Optuna's journal can have as its objective: the words of Objective.metric, `val_acc` first.
const std::vector<std::string>& MetricNames();

// `metric`: the objective of "optuna", of no meaning to the others. InvalidArgument for a format or
// a metric that is not among the above.
absl::StatusOr<std::unique_ptr<ResultsText>> MakeResultsText(std::string_view format,
                                                             std::string_view metric = "val_acc");

}  // namespace bitsweep::results

#endif  // BITSWEEP_CLIENT_RESULTS_RESULTS_TEXT_H_
