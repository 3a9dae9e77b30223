# SPDX-License-Identifier: Apache-2.0
"""What quantization does to tensors, and the passes of transforms."""
from .build import (bars, dashboard as made, heatmap, increase, mean, metric, quantile, quantiles, query, rate, row,
                    series, stat, steps, variable)

ROLES = 'role=~"$role"'
OF_TRANSFORMS = 'kind="transform"'
TENSORS, ELEMENTS = "bitsweep_quant_tensors_total", "bitsweep_quant_elements_total"
SATURATED, SQNR = "bitsweep_quant_saturated_elements_total", "bitsweep_quant_sqnr_db"
FINISHED = "bitsweep_trials_finished_total"
ROLE = variable("role", "Role", f"label_values({metric(TENSORS)}, role)", "weight or bias")


def now():
    noise = f"histogram_quantile(0.5, sum by (le) ({increase(SQNR + '_bucket', ROLES)}))"
    evaluate = (f"sum({increase('bitsweep_pass_seconds_sum', EVALUATE)}) / "
                f"(sum({increase('bitsweep_pass_seconds_count', EVALUATE)}) > 0)")
    return row(
        "In the range shown",
        stat("Transforms", "Transforms stored.", f"sum({increase('bitsweep_transforms_submitted_total')})", decimals=0),
        stat("Jobs succeeded", "Jobs of transforms.",
             "sum(" + increase(FINISHED, OF_TRANSFORMS, 'outcome="succeeded"') + ")", decimals=0,
             thresholds=steps((None, "green"))),
        stat("Jobs not succeeded", "Jobs of transforms that are FAILED, DEAD or CANCELLED.",
             "sum(" + increase(FINISHED, OF_TRANSFORMS, 'outcome!="succeeded"') + ")", decimals=0,
             thresholds=steps((None, "green"), (0.5, "orange"))),
        stat("Tensors quantized", "Of stored results of verify_quantization.", f"sum({increase(TENSORS, ROLES)})",
             decimals=0),
        stat("Elements", "Of those tensors.", f"sum({increase(ELEMENTS, ROLES)})"),
        stat("Saturated", "Share of the elements that lie outside the range of their format. High: more integer bits, "
             "or fewer fractional ones.", f"sum({increase(SATURATED, ROLES)}) / (sum({increase(ELEMENTS, ROLES)}) > 0)",
             "percentunit", steps((None, "green"), (0.01, "yellow"), (0.1, "red")), decimals=2, none="none"),
        stat("Median SQNR", "Signal to quantization noise of those tensors. About 6 dB a bit.", noise, "dB",
             steps((None, "red"), (10, "yellow"), (20, "green")), decimals=0, none="none"),
        stat("Evaluation", "Mean time of the pass evaluate.", evaluate, "s", decimals=2, none="none"))


EVALUATE = 'pass="evaluate"'


def health():
    return row(
        "Numeric health",
        series("Saturated, share, by role", "Elements outside the range of their format. Gaps: nothing was quantized.",
               f"sum by (role) ({rate(SATURATED, ROLES)}) / (sum by (role) ({rate(ELEMENTS, ROLES)}) > 0)",
               "{{role}}", "percentunit", high=1, colours=("weight", "bias"),
               thresholds=steps((None, "green"), (0.1, "red"))),
        heatmap("Signal to quantization noise", "Of quantized tensors; exact ones are in the highest bucket.", SQNR,
                ROLES, unit="dB", scheme="Greens"),
        series("Signal to quantization noise, median, by role", "Of quantized tensors.",
               quantile(0.5, SQNR, ROLES, by=("role",)), "{{role}}", "dB", colours=("weight", "bias")),
        bars("How many tensors have which noise", "Of the tensors quantized in the range shown; a bar's name is its "
             "upper bound in dB.", f"sum by (le) ({increase(SQNR + '_bucket', ROLES)})", "{{le}} dB", form="heatmap",
             decimals=0))


def volume():
    return row(
        "Volume",
        series("Tensors quantized per second, by role", "Of stored results.", f"sum by (role) ({rate(TENSORS, ROLES)})",
               "{{role}}", width=8, stack=True, colours=("weight", "bias")),
        series("Elements per second, by role", "Of those tensors.", f"sum by (role) ({rate(ELEMENTS, ROLES)})",
               "{{role}}", width=8, stack=True, colours=("weight", "bias")),
        series("Saturated elements per second, by role", "Of those tensors.",
               f"sum by (role) ({rate(SATURATED, ROLES)})", "{{role}}", width=8, stack=True,
               colours=("weight", "bias")))


def jobs():
    passes = "bitsweep_pass_seconds"
    return row(
        "Jobs and passes",
        series("Jobs finished per second, by outcome", "Jobs of transforms.",
               f"sum by (outcome) ({rate(FINISHED, OF_TRANSFORMS)})", "{{outcome}}", stack=True,
               colours=("succeeded", "failed", "dead", "cancelled")),
        heatmap("Run time of jobs", "Of succeeded jobs of transforms.", "bitsweep_trial_run_seconds", OF_TRANSFORMS),
        series("Run time of jobs, quantiles", "Of succeeded jobs of transforms.",
               quantiles("bitsweep_trial_run_seconds", OF_TRANSFORMS), unit="s", colours=("p50", "p95", "p99")),
        series("Wait of jobs, quantiles", "From queued to leased, of each attempt.",
               quantiles("bitsweep_trial_queue_wait_seconds", OF_TRANSFORMS), unit="s",
               colours=("p50", "p95", "p99")),
        series("Time of a pass, mean", "Of succeeded jobs.", mean(passes, by=("pass",)), "{{pass}}", "s"),
        bars("Time spent, by pass", "In the range shown, all jobs together.",
             f"sort_desc(sum by (pass) ({increase(passes + '_sum')}))", "{{pass}}", "s", decimals=2),
        series("Passes per second", "Of succeeded jobs.", [query(f"sum by (pass) ({rate(passes + '_count')})",
                                                                 "{{pass}}")], width=24, height=7, stack=True))


def dashboard():
    return made("quantization", "Quantization", "What quantization does to tensors, and the passes of transforms. "
                "Accuracy and bit operations of each job are in bitsweep transform results.",
                [now(), health(), volume(), jobs()], [ROLE])
