# SPDX-License-Identifier: Apache-2.0
"""Sweeps and transforms as a whole: progress, rates, accuracy. Single ones are in the store, not in metrics."""
from .build import (KIND, PLAIN, bars, dashboard as made, gauge, heatmap, increase, mean, metric, quantile, quantiles,
                    query, rate, row, series, stat, steps)

KINDS = 'kind=~"$kind"'
FINISHED = "bitsweep_trials_finished_total"
ACCURACY = "bitsweep_trial_val_acc"
STATES = ("queued", "running", "paused", "succeeded", "partially_succeeded", "failed", "cancelled")
ACTIVE = 'state=~"queued|running|paused"'
ENDED = 'state=~"succeeded|failed|cancelled|dead"'


def now():
    best = f"histogram_quantile(0.5, sum by (le) ({increase(ACCURACY + '_bucket')}))"
    return row(
        "Now",
        stat("Sweeps under way", "Queued, running or paused.", f"sum({metric('bitsweep_sweeps', ACTIVE)})", "none",
             graph=True),
        stat("Transforms under way", "Queued, running or paused.",
             f"sum({metric('bitsweep_transforms', ACTIVE)})", "none", graph=True),
        gauge("Done", "Trials and jobs of everything stored that have ended, deleted sweeps left out.",
              f"sum({metric('bitsweep_trials', KINDS, ENDED)}) / (sum({metric('bitsweep_trials', KINDS)}) > 0)",
              thresholds=steps((None, "blue"), (1, "green"))),
        stat("Succeeded", "Trials and jobs in the range shown.",
             "sum(" + increase(FINISHED, KINDS, 'outcome="succeeded"') + ")", decimals=0,
             thresholds=steps((None, "green"))),
        stat("Not succeeded", "Trials and jobs, in the range shown, that are FAILED, DEAD or CANCELLED.",
             "sum(" + increase(FINISHED, KINDS, 'outcome!="succeeded"') + ")", decimals=0,
             thresholds=steps((None, "green"), (0.5, "orange"))),
        stat("Rows per second", "Training rows of the epochs stored in the last interval.",
             f"sum({rate('bitsweep_train_rows_total')})", graph=True),
        stat("Epochs", "Epochs stored in the range shown.", f"sum({increase('bitsweep_epochs_total')})", decimals=0),
        stat("Median accuracy", "Validation accuracy of the trials that succeeded in the range shown, between the "
             "bounds of its buckets (0.05 wide).", best, "percentunit", PLAIN, decimals=1, none="none ended"))


def progress():
    return row(
        "Progress",
        series("Sweeps, by state", "All sweeps in the store.", f"sum by (state) ({metric('bitsweep_sweeps')})",
               "{{state}}", stack=True, stepped=True, colours=STATES),
        series("Transforms, by state", "All transforms in the store.",
               f"sum by (state) ({metric('bitsweep_transforms')})", "{{state}}", stack=True, stepped=True,
               colours=STATES),
        series("Trials and jobs, by state", "All in the store: what is planned is the sum of these.",
               f"sum by (state) ({metric('bitsweep_trials', KINDS)})", "{{state}}", stack=True, stepped=True,
               colours=("queued", "leased", "running", "succeeded", "failed", "dead", "cancelled")),
        series("Done, share", "Trials and jobs that have ended of all in the store.",
               f"sum by (kind) ({metric('bitsweep_trials', KINDS, ENDED)}) / "
               f"(sum by (kind) ({metric('bitsweep_trials', KINDS)}) > 0)", "{{kind}}", "percentunit", high=1,
               colours=("trial", "transform")))


def rates():
    return row(
        "Rates",
        series("Finished per second, by kind", "Trials and transform jobs that reached a final state.",
               f"sum by (kind) ({rate(FINISHED, KINDS)})", "{{kind}}", width=8, colours=("trial", "transform")),
        series("Training rows per second", "Rows of stored epochs: what the workers get through, all models together.",
               f"sum({rate('bitsweep_train_rows_total')})", "rows", width=8),
        series("Epochs per second", "Epochs stored.", f"sum({rate('bitsweep_epochs_total')})", "epochs", width=8),
        series("Submitted per second", "Trials and jobs of the plans stored, and transforms.",
               [query(f"sum by (kind) ({rate('bitsweep_trials_submitted_total', KINDS)})", "{{kind}} jobs"),
                query(f"sum({rate('bitsweep_transforms_submitted_total')})", "transforms")], width=8),
        series("Refused submits per second", "By reason: store_full, plan_too_large, draining.",
               f"sum by (reason) ({rate('bitsweep_admission_rejected_total')})", "{{reason}}", width=8),
        series("Watchers", "WatchSweep and WatchTransform calls under way.",
               f"sum({metric('bitsweep_stream_subscribers')})", "watchers", width=8, stepped=True))


def accuracy():
    buckets = f"sum by (le) ({increase(ACCURACY + '_bucket')})"
    spread = [query(quantile(q, ACCURACY), label) for q, label in ((0.9, "best tenth"), (0.5, "median"),
                                                                   (0.1, "worst tenth"))]
    return row(
        "Accuracy",
        heatmap("Validation accuracy", "Of trials as they succeed.", ACCURACY, unit="percentunit", scheme="Greens"),
        series("Validation accuracy, quantiles", "Of trials as they succeed. Gaps: none did. Which trial has which is "
               "in bitsweep sweep results.", [*spread, query(mean(ACCURACY), "mean")], unit="percentunit",
               low=None, high=1, calcs=("lastNotNull", "min", "max")),
        bars("How many trials have which accuracy", "Of the trials that succeeded in the range shown; a bar's name is "
             "its upper bound.", buckets, "{{le}}", form="heatmap", decimals=0, width=24, height=9))


def durations():
    overhead = "bitsweep_trial_overhead_seconds"
    return row(
        "Duration",
        heatmap("Run time of trials and jobs", "Work of succeeded ones.", "bitsweep_trial_run_seconds", KINDS),
        series("Run time of trials and jobs, quantiles", "Work of succeeded ones.",
               quantiles("bitsweep_trial_run_seconds", KINDS), unit="s", colours=("p50", "p95", "p99")),
        series("What the server adds, 95 %", "Time that the server adds to a trial or job: handing it out (lease), "
               "storing its result (commit).", quantile(0.95, overhead, by=("phase",)), "{{phase}}", "s"),
        series("What the server adds, mean", "The same, on average.", mean(overhead, by=("phase",)), "{{phase}}", "s"))


def dashboard():
    return made("sweeps", "Sweeps", "Progress, rates, accuracy and time of all sweeps and transforms. For a single "
                "one: bitsweep sweep show, results, trials.",
                [now(), progress(), rates(), accuracy(), durations()], [KIND])
