// SPDX-License-Identifier: Apache-2.0
// Names, help and labels of what the server tells of jobs. Only for server/metrics.
#ifndef BITSWEEP_SERVER_METRICS_JOB_SERIES_H_
#define BITSWEEP_SERVER_METRICS_JOB_SERIES_H_

#include <string>
#include <vector>

#include "core/spec/job_state.h"
#include "core/spec/transform_spec.h"
#include "core/spec/trial.h"
#include "server/metrics/families.h"

namespace bitsweep::metrics {

inline const Families::Buckets kJobSeconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,    2.5,
                                              5,     10,   30,    60,   120, 300,  600, 1800, 3600};
inline const Families::Buckets kOverheadSeconds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                   0.01,   0.025,   0.05,   0.1,   0.25,   1};
inline const Families::Buckets kAccuracies = {0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5,
                                              0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1};
inline const Families::Buckets kDecibels = {0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100};

struct JobSeries : Families {
  using Families::Families;

  static std::vector<std::string> PassNames() {
    std::vector<std::string> names;
    for (const spec::PassTraits& pass : spec::Passes()) names.emplace_back(pass.name);
    return names;
  }

  const std::vector<std::string> outcomes = {"succeeded", "failed", "cancelled", "dead"};
  const std::vector<std::string> attempt_ends = {"succeeded", "failed", "lease_expired", "released",
                                                 "cancelled"};
  const std::vector<std::string> causes = LowerNames(spec::kAllFailureReasons);
  const std::vector<std::string> quantized = {"weight", "bias"};

  // Jobs.
  PerKind<By<Gauge>> trials = GaugeEachPerKind(
      "bitsweep_trials", "Trials and transform jobs by state, from the store's counters", "state",
      LowerNames(spec::kAllJobStates));
  PerKind<Counter*> submitted =
      CounterPerKind("bitsweep_trials_submitted_total", "Jobs of the plans that were stored");
  PerKind<By<Counter>> finished = CounterEachPerKind(
      "bitsweep_trials_finished_total", "Jobs that reached a terminal state", "outcome", outcomes);
  PerKind<By<Counter>> attempts =
      CounterEachPerKind("bitsweep_trial_attempts_total", "Attempts that ended, by how they did",
                         "end_reason", attempt_ends);
  PerKind<Histogram*> queue_wait =
      HistogramPerKind("bitsweep_trial_queue_wait_seconds",
                       "Time from queued to leased of each attempt", kJobSeconds);
  PerKind<Histogram*> run_seconds = HistogramPerKind(
      "bitsweep_trial_run_seconds", "Time of the work of succeeded jobs", kJobSeconds);
  By<Histogram> overhead = HistogramEach(
      "bitsweep_trial_overhead_seconds",
      "Time that the server adds to a job: handing it out (lease), storing its result (commit)",
      "phase", {"lease", "commit"}, kOverheadSeconds);
  Histogram& lease_overhead = *overhead.at("lease");
  Histogram& commit_overhead = *overhead.at("commit");
  Gauge& last_finished =
      OneGauge("bitsweep_last_trial_finished_timestamp_seconds",
               "When the latest trial or transform job ended since the start; 0 before the first");
  Gauge& ready = OneGauge("bitsweep_jobs_ready",
                          "Queued jobs that may be handed out: neither their submission nor the "
                          "queue is paused");
  Gauge& oldest_queued = OneGauge(
      "bitsweep_oldest_queued_timestamp_seconds",
      "Since when the job that is next in a sweep or transform waits, the oldest; 0: none does. "
      "Paused ones do not count");

  // Sweeps and transforms.
  By<Gauge> sweeps =
      GaugeEach("bitsweep_sweeps", "Sweeps by state", "state", LowerNames(spec::kAllSweepStates));
  By<Gauge> transforms = GaugeEach("bitsweep_transforms", "Transforms by state", "state",
                                   LowerNames(spec::kAllSweepStates));
  Counter& transforms_submitted =
      OneCounter("bitsweep_transforms_submitted_total", "Transforms stored");

  // What the jobs did.
  Counter& train_rows = OneCounter("bitsweep_train_rows_total", "Training rows of stored epochs");
  Counter& epochs = OneCounter("bitsweep_epochs_total", "Epochs that were stored");
  Histogram& val_acc = OneHistogram("bitsweep_trial_val_acc",
                                    "Validation accuracy of succeeded trials", kAccuracies);
  By<Histogram> pass_seconds =
      HistogramEach("bitsweep_pass_seconds", "Time of each pass of succeeded transform jobs",
                    "pass", PassNames(), kJobSeconds);
  By<Counter> quant_tensors = CounterEach("bitsweep_quant_tensors_total",
                                          "Quantized tensors of stored results", "role", quantized);
  By<Counter> quant_elements = CounterEach("bitsweep_quant_elements_total",
                                           "Elements of quantized tensors", "role", quantized);
  By<Counter> quant_saturated =
      CounterEach("bitsweep_quant_saturated_elements_total",
                  "Elements of quantized tensors that lie outside the range of their format",
                  "role", quantized);
  By<Histogram> quant_sqnr = HistogramEach(
      "bitsweep_quant_sqnr_db",
      "Signal to quantization noise of quantized tensors; an exact one counts as 200 dB", "role",
      quantized, kDecibels);

  // Leases and retries.
  By<Gauge> leases = GaugeEach(
      "bitsweep_leases", "Leases in force; suspect: not renewed for more than half of their time",
      "state", {"active", "suspect"});
  Counter& expired = OneCounter("bitsweep_leases_expired_total",
                                "Leases that ended because they were not renewed");
  Counter& fenced = OneCounter(
      "bitsweep_leases_fenced_total",
      "Writes and renewals that were refused because the lease was no longer the worker's");
  Counter& false_expiries = OneCounter(
      "bitsweep_false_expiries_total",
      "Leases that expired although their worker was alive: it came back with the attempt");
  By<Counter> retries =
      CounterEach("bitsweep_retries_total", "Attempts that were followed by another, by cause",
                  "cause", causes);
  By<Counter> deaths = CounterEach("bitsweep_dead_letters_total",
                                   "Jobs whose tries are used up, by last cause", "cause", causes);
  Counter& poison = OneCounter("bitsweep_poison_trials_total",
                               "Jobs that are given up because their worker died of them twice");
};

}  // namespace bitsweep::metrics

#endif  // BITSWEEP_SERVER_METRICS_JOB_SERIES_H_
