# SPDX-License-Identifier: Apache-2.0
"""The SQLite store: how long writes take, how large it is, whether it is well."""
from .build import (OK_UNLESS_ANY, WARN_IF_ANY, bars, dashboard as made, heatmap, increase, mean, metric,
                    quantile, quantiles, query, rate, row, series, stat, steps, values)

FREE = metric("bitsweep_store_free_bytes")
BACKUP = metric("bitsweep_store_last_backup_timestamp_seconds")


def now():
    commit = f"histogram_quantile(0.99, sum by (le) ({increase('bitsweep_store_commit_seconds_bucket')}))"
    return row(
        "Now",
        stat("Integrity", "The last check of the store.", f"min({metric('bitsweep_store_integrity_ok')})", "none",
             steps((None, "red"), (1, "green")), values(_0=("DAMAGED", "red"), _1=("OK", "green")), fill=True),
        stat("Plan violations", "Sweeps and transforms, in the range shown, whose counters differ from their plan or "
             "rows. Anything but 0 is a defect.",
             f"sum({increase('bitsweep_plan_invariant_violations_total')})", "short", OK_UNLESS_ANY, fill=True),
        stat("Last backup", "How old the latest backup of this store is; none: there never was one.",
             f"time() - max({BACKUP} > 0)", "dtdurations",
             steps((None, "green"), (86400, "yellow"), (7 * 86400, "red")), none="none"),
        stat("Free space", "Where the store lies. Submits are refused below 64 MiB.", f"min({FREE})", "bytes",
             steps((None, "red"), (256 << 20, "orange"), (1 << 30, "green"))),
        stat("Database", "Size of the store's file.", f"sum({metric('bitsweep_store_db_bytes')})", "bytes", graph=True),
        stat("Log", "Size of the write-ahead log. It grows while a reader holds up the checkpoint.",
             f"sum({metric('bitsweep_store_wal_bytes')})", "bytes",
             steps((None, "blue"), (64 << 20, "orange"), (512 << 20, "red")), graph=True),
        stat("Slow commit", "99 of 100 commits in the range shown took less than this.", commit, "s",
             steps((None, "green"), (0.05, "yellow"), (0.25, "orange"))),
        stat("Had to wait", "Writes, in the range shown, that another process kept from the store.",
             f"sum({increase('bitsweep_store_busy_total')})", "short", WARN_IF_ANY, decimals=0))


def commits():
    return row(
        "Commits",
        heatmap("Time of a commit", "A group of writes with its fsync.", "bitsweep_store_commit_seconds"),
        heatmap("Time of COMMIT", "The part of it that waits for the disk.", "bitsweep_store_fsync_seconds",
                scheme="Reds"),
        series("Time of a commit, quantiles", "A group of writes with its fsync.",
               quantiles("bitsweep_store_commit_seconds"), unit="s", width=8, colours=("p50", "p95", "p99")),
        series("Time of COMMIT, quantiles", "High: the disk is slow, or something else uses it.",
               quantiles("bitsweep_store_fsync_seconds"), unit="s", width=8, colours=("p50", "p95", "p99")),
        series("Writes in a commit", "How many writes share one fsync: more under load.",
               [query(mean("bitsweep_store_commit_operations"), "mean"),
                query(quantile(0.95, "bitsweep_store_commit_operations"), "p95")], width=8, decimals=1,
               colours=("p95",)))


def writes():
    tx = "bitsweep_store_tx_seconds"
    return row(
        "Writes",
        series("Writes per second, by operation", "Transitions of the queue and everything else that is stored.",
               f"sum by (op) ({rate(tx + '_count')})", "{{op}}", stack=True),
        series("Commits per second", "Transactions, and the writes in them.",
               [query(f"sum({rate('bitsweep_store_commit_seconds_count')})", "commits"),
                query(f"sum({rate('bitsweep_store_commit_operations_sum')})", "writes")]),
        series("Time of a write, 95 %, by operation", "Its statements, without the commit that it shares.",
               quantile(0.95, tx, by=("op",)), "{{op}}", "s", width=8),
        bars("Time spent, by operation", "Share of the range shown that the writer spent in statements of each.",
             f"sort_desc(sum by (op) ({increase(tx + '_sum')}) / $__range_s)", "{{op}}", "percentunit", width=8,
             decimals=3),
        series("Rows of a write, mean, by operation", "Rows that one write changed.",
               mean("bitsweep_store_tx_rows", by=("op",)), "{{op}}", width=8, decimals=1))


def upkeep():
    return row(
        "Checkpoints and locks",
        series("Time of a checkpoint, quantiles", "The log's pages go into the store's file.",
               quantiles("bitsweep_store_checkpoint_seconds"), unit="s", width=8, colours=("p50", "p95", "p99")),
        series("Checkpoints", "How many in the interval before each point, and those that a reader kept from "
               "finishing.",
               [query(f"sum({increase('bitsweep_store_checkpoint_seconds_count', over='$__rate_interval')})", "all"),
                query(f"sum({increase('bitsweep_store_checkpoint_busy_total', over='$__rate_interval')})", "held up")],
               width=8, bars=True),
        series("Writes that had to wait", "How many in the interval before each point: another process has the store's "
               "lock.", f"sum({increase('bitsweep_store_busy_total', over='$__rate_interval')})", "waited", width=8,
               bars=True))


def growth():
    return row(
        "Size",
        series("Database and log", "Sizes of the store's file and of its write-ahead log.",
               [query(f"sum({metric('bitsweep_store_db_bytes')})", "database"),
                query(f"sum({metric('bitsweep_store_wal_bytes')})", "log")], unit="bytes", width=8),
        series("Growth of the database", "In the interval before each point. What is deleted is used again: it does "
               "not shrink.",
               f"sum(deriv({metric('bitsweep_store_db_bytes')}[$__rate_interval]))", "growth", "Bps", width=8,
               low=None),
        series("Free space, and what is foreseen", "Where the store lies; foreseen for 4 hours later, as the last hour "
               "went.", [query(f"min({FREE})", "free"),
                         query(f"clamp_min(min(predict_linear({FREE}[1h], 4 * 3600)), 0)", "foreseen")], unit="bytes",
               width=8, thresholds=steps((None, "red"), (64 << 20, "green"))))


def dashboard():
    return made("store", "Store", "The SQLite store: commits, writes, checkpoints, size, backups.",
                [now(), commits(), writes(), upkeep(), growth()])
