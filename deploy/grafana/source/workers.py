# SPDX-License-Identifier: Apache-2.0
"""Utilization, saturation and errors of workers."""
from .build import (WARN_IF_ANY, bars, dashboard as made, gauge, heatmap, increase, mean, metric, of_server,
                    of_workers, quantile, quantiles, query, rate, row, series, stat, steps, table)

SLOTS = of_workers(metric("bitsweep_worker_slots"))
SLOTS_BUSY = of_workers(metric("bitsweep_worker_slots_busy"))
TROUBLE = (("bitsweep_leases_expired_total", "expired"), ("bitsweep_false_expiries_total", "false"),
           ("bitsweep_leases_fenced_total", "fenced"), ("bitsweep_poison_trials_total", "poison"))


def now():
    slots, busy = of_server(metric("bitsweep_worker_slots")), of_server(metric("bitsweep_worker_slots_busy"))
    return row(
        "Now",
        stat("Idle", "Workers without work.", "sum(" + metric("bitsweep_workers", 'state="idle"') + ")", "none"),
        stat("Busy", "Workers with work.", "sum(" + metric("bitsweep_workers", 'state="busy"') + ")", "none",
             steps((None, "green"))),
        stat("Draining", "Workers that take no more and will stop.",
             "sum(" + metric("bitsweep_workers", 'state="draining"') + ")", "none",
             steps((None, "green"), (1, "purple"))),
        stat("Lost", "Workers that were silent for longer than the time of a lease.",
             "sum(" + metric("bitsweep_workers", 'state="lost"') + ")", "none", steps((None, "green"), (1, "orange"))),
        stat("Cut off", "Workers that Prometheus reaches and whose server does not answer them.",
             f"count({metric('bitsweep_worker_connected')} == 0) or vector(0)", "none",
             steps((None, "green"), (1, "red"))),
        gauge("Slots busy", "Share of the slots of live workers that work, as the server sees them.",
              f"sum {busy} / (sum {slots} > 0)"),
        stat("Quietest worker", "Silence of the live worker that was silent for longest. It is lost after the time of "
             "a lease, 15 s unless told otherwise.", f"max({metric('bitsweep_worker_heartbeat_age_seconds')})", "s",
             steps((None, "green"), (7.5, "yellow"), (15, "red")), decimals=1),
        stat("Leases in doubt", "Leases that were not renewed for more than half of their time.",
             "sum(" + metric("bitsweep_leases", 'state="suspect"') + ")", "none", WARN_IF_ANY))


def utilization():
    return row(
        "Utilization",
        series("Slots busy, by worker", "Share of the worker's slots that work.", f"{SLOTS_BUSY} / {SLOTS}",
               "{{instance}}", "percentunit", high=1),
        series("Slots", "Of all workers, and those that work.",
               [query(f"sum {SLOTS}", "slots"), query(f"sum {SLOTS_BUSY}", "busy")], stepped=True),
        series("Processor, by worker", "Cores that the worker keeps busy.",
               rate("bitsweep_worker_cpu_seconds_total"), "{{instance}}", width=8),
        series("Memory, by worker", "Memory that is in RAM.", metric("bitsweep_worker_rss_bytes"), "{{instance}}",
               "bytes", width=8),
        series("Training rows per second, by worker", "Rows of the epochs trained.",
               rate("bitsweep_worker_train_rows_total"), "{{instance}}", width=8))


def speed():
    step = "bitsweep_worker_train_step_seconds"
    return row(
        "Speed",
        heatmap("Time of a training step", "Mean of each epoch, of all workers.", step),
        series("Time of a training step, by worker", "Mean of the interval. A worker far above the others is slow: "
               "look at what else its machine does.", mean(step, by=("instance",)), "{{instance}}", "s"),
        series("Training batches per second, by worker", "Batches of the epochs trained.",
               rate("bitsweep_worker_train_batches_total"), "{{instance}}", width=8),
        series("Epochs per second, by worker", "Epochs trained.", rate("bitsweep_worker_epochs_total"), "{{instance}}",
               width=8),
        series("Time of an attempt, quantiles", "From its start until its end is told, transfers included.",
               quantiles("bitsweep_worker_trial_seconds"), unit="s", width=8, colours=("p50", "p95", "p99")))


def saturation():
    overhead = "bitsweep_worker_trial_overhead_seconds"
    queued = metric("bitsweep_trials", 'state="queued"')
    return row(
        "Saturation",
        series("Queued per slot", "Trials and jobs that wait for each slot of a live worker.",
               f"sum({queued}) / (sum {of_server(metric('bitsweep_worker_slots'))} > 0)", "queued per slot", width=8,
               decimals=1),
        series("Jobs held, by worker", "Leased: those that work, those that wait ready, those whose result is under "
               "way.",
               metric("bitsweep_worker_jobs_held"), "{{instance}}", width=8, stepped=True),
        series("Quietest worker over time", "Silence of the live worker that was silent for longest.",
               f"max({metric('bitsweep_worker_heartbeat_age_seconds')})", "silence", "s", width=8),
        series("Overhead of an attempt, 95 %", "Time beside the arithmetic: before it (setup), and until the result is "
               "accepted (report).", quantile(0.95, overhead, by=("phase",)), "{{phase}}", "s"),
        heatmap("Overhead of an attempt", "Both phases together.", overhead))


def errors():
    return row(
        "Errors",
        series("Attempts per second, by outcome", "As the workers see them. Lost: the lease was no longer the "
               "worker's. Released: given back.",
               f"sum by (outcome) ({rate('bitsweep_worker_trials_total')})", "{{outcome}}",
               stack=True, width=8, colours=("succeeded", "failed", "cancelled", "lost", "released")),
        series("Leases, by state", "Suspect: not renewed for more than half of their time.",
               f"sum by (state) ({metric('bitsweep_leases')})", "{{state}}", stack=True, stepped=True, width=8,
               colours=("active", "suspect")),
        series("Trouble with leases", "How many in the interval before each point. Expired: not renewed in time; "
               "false: the worker was alive; fenced: a late result was refused; poison: given up because the worker "
               "died of it twice.",
               [query(f"sum({increase(name, over='$__rate_interval')})", legend) for name, legend in TROUBLE], width=8,
               bars=True),
        bars("Calls that failed, by method", "Calls to the server, in the range shown, that failed and were tried "
             "again.",
             f"sort_desc(sum by (method) ({increase('bitsweep_worker_calls_failed_total')}))", "{{method}}", decimals=0,
             thresholds=WARN_IF_ANY),
        series("Calls that failed per second, by worker", "To the server. Several at once: the server or the network; "
               "one alone: its machine.", f"sum by (instance) ({rate('bitsweep_worker_calls_failed_total')})",
               "{{instance}}"))


def list_of_workers():
    def each(expression):
        return f"max by (instance) ({expression})"
    started = of_workers(metric("process_start_time_seconds"))
    return row(
        "Workers",
        table("Workers that Prometheus reaches", "What runs where. Names and states are in bitsweep worker list.",
              [f"max by (instance, job, version, revision, engine, libtorch) ({metric('bitsweep_worker_build_info')})",
               each(metric("bitsweep_worker_connected")), each(SLOTS), each(SLOTS_BUSY),
               each(metric("bitsweep_worker_rss_bytes")), each(f"time() - {started}")],
              [("instance", "Instance"), ("job", "Job"), ("version", "Version"), ("revision", "Revision"),
               ("engine", "Engine"), ("libtorch", "LibTorch"), ("Value #B", "Connected", "bool_yes_no"),
               ("Value #C", "Slots"), ("Value #D", "Busy"), ("Value #E", "Memory", "bytes"),
               ("Value #F", "Up for", "dtdurations")], height=8))


def dashboard():
    return made("workers", "Workers", "Utilization, saturation and errors of workers.",
                [now(), utilization(), speed(), saturation(), errors(), list_of_workers()])
