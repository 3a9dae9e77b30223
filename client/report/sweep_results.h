// SPDX-License-Identifier: Apache-2.0
#ifndef BITSWEEP_CLIENT_REPORT_SWEEP_RESULTS_H_
#define BITSWEEP_CLIENT_REPORT_SWEEP_RESULTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bitsweep/v1/sweep.pb.h"
#include "bitsweep/v1/trial.pb.h"
#include "client/report/statistics.h"

namespace bitsweep::report {

// A trial with a result.
struct Outcome {
  std::int64_t trial = 0;
  std::int64_t configuration = 0;
  std::int64_t repeat = 0;
  double val_acc = 0;
  double seconds = 0;
  double rows_per_second = 0;
};

// A trial that ended without one.
struct Failure {
  std::int64_t trial = 0;
  std::int64_t configuration = 0;
  std::int64_t repeat = 0;
  std::int64_t attempts = 0;
  std::string state;   // "failed"
  std::string reason;  // "nan_loss"; empty when it was cancelled
  std::string message;
};

// A sweep with what a report needs of its trials: a few numbers a trial, however many there are.
struct SweepResults {
  static constexpr std::size_t kMaxFailures = 200;

  v1::Sweep sweep;
  std::vector<v1::Configuration> configurations;       // in the plan's order: entry i has number i
  std::vector<Outcome> outcomes;                       // in the order of Add
  std::vector<Failure> failures;                       // the first kMaxFailures
  std::map<std::string, std::int64_t> failure_counts;  // all of them, by state and reason
  std::set<std::string> engines;                       // "fused: fused 1 AVX3"
  std::set<std::string> workers;                       // of trials with a result
  std::int64_t train_rows = 0;                         // 0 while none has a result
  std::int64_t validation_rows = 0;
  double trial_seconds = 0;  // of all results
  double epochs_trained = 0;
  std::string graph_name;
  std::int64_t parameter_count = 0;

  // Takes in a trial of the sweep; epochs and attempts are not looked at.
  void Add(const v1::Trial& trial);

  // val_acc of a configuration's repeats, from the server's summary.
  Sample AccuracyOf(std::int64_t configuration) const;
  // The configuration with the values of the search's base.
  std::optional<std::int64_t> Base() const;
  // Numbers of configurations with results, highest mean val_acc first, ties in the plan's order.
  std::vector<std::int64_t> BestFirst() const;
  // Names of the fields that vary.
  std::vector<std::string> Varying() const;
  // "3: batch 16, rate 0.001"; of a search one at a time what is not as in the base: "3: batch 16",
  // "0: base".
  std::string LabelOf(std::int64_t configuration) const;
};

// A configuration's repeats over the epochs.
struct CurvePoint {
  std::int64_t epoch = 0;
  Sample val_acc;
  double learning_rate = 0;
};
struct Curve {
  std::int64_t configuration = 0;
  std::vector<CurvePoint> points;
};

// Makes the curve of a configuration from its trials that have a result, given with view FULL.
class CurveBuilder {
 public:
  explicit CurveBuilder(std::int64_t configuration) : configuration_(configuration) {}
  void Add(const v1::Trial& trial);
  // At most `max_points` points, evenly chosen, the last epoch among them.
  Curve Finish(std::size_t max_points) const;

 private:
  struct Epoch {
    std::vector<double> val_acc;
    double learning_rate = 0;
  };
  const std::int64_t configuration_;
  std::map<std::int64_t, Epoch> epochs_;
};

// Curves that BuildSweepPage draws: their configurations, without repetition.
std::vector<std::int64_t> ConfigurationsToDraw(const SweepResults& results);

}  // namespace bitsweep::report

#endif  // BITSWEEP_CLIENT_REPORT_SWEEP_RESULTS_H_
