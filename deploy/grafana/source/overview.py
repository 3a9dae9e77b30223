# SPDX-License-Identifier: Apache-2.0
"""Is it well, how much is there to do, when is it done: rate, errors and duration of the queue."""
from .build import (KIND, OK_UNLESS_ANY, SHARE_OF_FAILURES, WARN_IF_ANY, bars, dashboard as made, gauge, heatmap,
                    increase, metric, of_server, quantiles, query, rate, row, series, stat, steps, table, values)

KINDS = 'kind=~"$kind"'
FINISHED = "bitsweep_trials_finished_total"
BAD = 'outcome=~"failed|dead"'
JUDGED = 'outcome!="cancelled"'
IS_OPEN = 'state=~"queued|leased|running"'
OPEN = metric("bitsweep_trials", KINDS, IS_OPEN)
RECENTLY = increase(FINISHED, KINDS, over="10m")
OLDEST = metric("bitsweep_oldest_queued_timestamp_seconds")
OLDEST_WAIT = f"max((time() - {OLDEST}) * ({OLDEST} > bool 0))"
SLOTS = of_server(metric("bitsweep_worker_slots"))
SLOTS_BUSY = of_server(metric("bitsweep_worker_slots_busy"))


def time_left(by=""):
    return f"sum{by} ({OPEN}) / (sum{by} ({RECENTLY}) / 600 > 0)"


def health():
    alive = metric("bitsweep_workers", 'state=~"idle|busy|draining"')
    return row(
        "Health",
        stat("Server", "Servers that Prometheus reaches.", f"count({metric('bitsweep_build_info')}) or vector(0)",
             "none", steps((None, "red"), (1, "green")), values(_0=("DOWN", "red"), _1=("UP", "green")), fill=True),
        stat("Workers", "Workers that are alive: idle, busy or draining.", f"sum({alive})", "none",
             steps((None, "red"), (1, "green")), fill=True),
        stat("Queue", "Whether work is handed out; PauseQueue stops it.", f"max({metric('bitsweep_queue_paused')})",
             "none", steps((None, "green"), (1, "orange")),
             values(_0=("OPEN", "green"), _1=("PAUSED", "orange")), fill=True),
        stat("Store", "The last check of the store.", f"min({metric('bitsweep_store_integrity_ok')})", "none",
             steps((None, "red"), (1, "green")), values(_0=("DAMAGED", "red"), _1=("OK", "green")), fill=True),
        stat("Plan violations", "Sweeps and transforms, in the range shown, whose counters differ from their plan or "
             "rows. Anything but 0 is a defect: keep the data folder and run bitsweep server verify.",
             f"sum({increase('bitsweep_plan_invariant_violations_total')})", "short", OK_UNLESS_ANY, fill=True),
        stat("Failed", "Share of the trials and jobs that ended in the range shown and are FAILED or DEAD, cancelled "
             "ones left out.",
             f"sum({increase(FINISHED, KINDS, BAD)}) / (sum({increase(FINISHED, KINDS, JUDGED)}) > 0)",
             "percentunit", SHARE_OF_FAILURES, decimals=1, fill=True, none="none ended"),
        stat("Dead letters", "Trials and jobs, in the range shown, whose tries are used up.",
             f"sum({increase('bitsweep_dead_letters_total')})", "short", WARN_IF_ANY, decimals=0, fill=True),
        stat("Alerts", "Alerts of this Prometheus that fire now, whatever they are about.",
             'count(ALERTS{alertstate="firing"}) or vector(0)', "none", OK_UNLESS_ANY, fill=True))


def now():
    queued = metric("bitsweep_trials", KINDS, 'state="queued"')
    at_worker = metric("bitsweep_trials", KINDS, 'state=~"leased|running"')
    return row(
        "Now",
        stat("Queued", "Trials and jobs that wait.", f"sum({queued})", graph=True),
        stat("Running", "Trials and jobs at a worker: leased or running.", f"sum({at_worker})", graph=True),
        stat("Oldest wait", "How long the oldest trial that is next in some sweep has waited; 0 when none waits.",
             OLDEST_WAIT, "s", steps((None, "green"), (600, "yellow"), (3600, "orange")), decimals=0),
        stat("Time left", "Open trials and jobs over the rate at which they ended in the last 10 minutes. Nothing "
             "while nothing ends.", time_left(), "dtdurations", none="unknown", width=6),
        stat("Finished", "Trials and jobs that ended in the range shown.", f"sum({increase(FINISHED, KINDS)})",
             decimals=0),
        gauge("Slots busy", "Share of the slots of live workers that work.",
              f"sum {SLOTS_BUSY} / (sum {SLOTS} > 0)"),
        stat("Last finish", "When the latest trial or job ended since the server's start.",
             f"max({metric('bitsweep_last_trial_finished_timestamp_seconds')} > 0) * 1000", "dateTimeFromNow",
             none="none yet"))


def rates():
    return row(
        "Rate",
        series("Finished per second, by outcome", "Trials and jobs that reached a final state.",
               f"sum by (outcome) ({rate(FINISHED, KINDS)})", "{{outcome}}", stack=True,
               colours=("succeeded", "failed", "dead", "cancelled")),
        series("Submitted and finished per second", "Where submitted stays above finished, the queue grows.",
               [query(f"sum({rate('bitsweep_trials_submitted_total', KINDS)})", "submitted"),
                query(f"sum({rate(FINISHED, KINDS)})", "finished")]),
        series("Open trials and jobs, by state", "Queued: waits. Leased: at a worker, not begun. Running.",
               f"sum by (state) ({OPEN})", "{{state}}", stack=True, stepped=True,
               colours=("queued", "leased", "running")),
        series("Oldest wait over time", "How long the oldest trial that is next in some sweep has waited.",
               OLDEST_WAIT, "oldest", "s", width=6),
        series("Time left over time", "Open trials and jobs over the rate at which they ended in the 10 minutes "
               "before.",
               time_left(" by (kind)"), "{{kind}}", "s", width=6, colours=("trial", "transform")))


def errors():
    return row(
        "Errors",
        series("Failed, share", "FAILED and DEAD of those that ended, cancelled ones left out. Gaps: none ended.",
               f"sum by (kind) ({rate(FINISHED, KINDS, BAD)}) / (sum by (kind) ({rate(FINISHED, KINDS, JUDGED)}) > 0)",
               "{{kind}}", "percentunit", width=7, high=1, colours=("trial", "transform"),
               thresholds=steps((None, "green"), (0.2, "red"))),
        series("Attempts ended per second, by reason", "An attempt that expires or is released is followed by another.",
               f"sum by (end_reason) ({rate('bitsweep_trial_attempts_total', KINDS)})", "{{end_reason}}", width=7,
               stack=True, colours=("succeeded", "failed", "lease_expired", "released", "cancelled")),
        bars("Retries, by cause", "Attempts, in the range shown, that were followed by another.",
             f"sort_desc(sum by (cause) ({increase('bitsweep_retries_total')}))", "{{cause}}", width=5, decimals=0,
             thresholds=WARN_IF_ANY),
        bars("Dead letters, by cause", "Trials and jobs, in the range shown, whose tries are used up, by the last "
             "cause.",
             f"sort_desc(sum by (cause) ({increase('bitsweep_dead_letters_total')}))", "{{cause}}", width=5, decimals=0,
             thresholds=OK_UNLESS_ANY))


def durations():
    return row(
        "Duration",
        heatmap("Wait in the queue", "From queued to leased, of each attempt.",
                "bitsweep_trial_queue_wait_seconds", KINDS, scheme="Blues"),
        heatmap("Run time", "Work of succeeded trials and jobs.", "bitsweep_trial_run_seconds", KINDS),
        series("Wait in the queue, quantiles", "From queued to leased, of each attempt.",
               quantiles("bitsweep_trial_queue_wait_seconds", KINDS), unit="s", colours=("p50", "p95", "p99")),
        series("Run time, quantiles", "Work of succeeded trials and jobs.",
               quantiles("bitsweep_trial_run_seconds", KINDS), unit="s", colours=("p50", "p95", "p99")))


def capacity():
    return row(
        "Capacity",
        series("Slots and open work", "Slots of live workers, those that work, and how many trials and jobs are open. "
               "Ready: those of them that wait and are not paused.",
               [query(f"sum {SLOTS}", "slots"), query(f"sum {SLOTS_BUSY}", "slots busy"),
                query(f"sum({metric('bitsweep_trials', IS_OPEN)})", "open trials and jobs"),
                query(f"sum({metric('bitsweep_jobs_ready')})", "ready")], stepped=True),
        series("Workers, by state", "Lost: silent for longer than the time of a lease.",
               f"sum by (state) ({metric('bitsweep_workers')})", "{{state}}", stack=True, stepped=True,
               colours=("idle", "busy", "draining", "lost")))


def processes():
    uptime = f"time() - {of_server(metric('process_start_time_seconds'))}"
    return row(
        "Server",
        series("Processor", "Cores that the server keeps busy.",
               of_server(rate("process_cpu_seconds_total")), "{{instance}}", width=8, height=7),
        series("Memory", "Memory of the server that is in RAM.",
               of_server(metric("process_resident_memory_bytes")), "{{instance}}", "bytes", width=8, height=7),
        series("Open files and sockets", "File descriptors of the server.",
               of_server(metric("process_open_fds")), "{{instance}}", width=8, height=7),
        table("Servers", "What runs, and for how long.",
              [f"max by (instance, job, version, revision, sqlite, grpc) ({metric('bitsweep_build_info')})",
               f"max by (instance) ({uptime})"],
              [("instance", "Instance"), ("job", "Job"), ("version", "Version"), ("revision", "Revision"),
               ("sqlite", "SQLite"), ("grpc", "gRPC"), ("Value #B", "Up for", "dtdurations")], height=5))


def dashboard():
    return made("overview", "Overview", "Health, rate, errors and duration of the queue, time left, capacity.",
                [health(), now(), rates(), errors(), durations(), capacity(), processes()], [KIND])
