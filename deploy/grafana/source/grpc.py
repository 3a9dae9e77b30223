# SPDX-License-Identifier: Apache-2.0
"""Calls to the server: rate, errors, duration by method."""
from .build import (SHARE_OF_FAILURES, bars, dashboard as made, heatmap, increase, metric, quantile, quantiles,
                    rate, row, series, stat, steps, variable)

CHOSEN = ('grpc_service=~"$service"', 'grpc_method=~"$method"')
# They wait by design, so that their time says nothing.
ANSWERED = 'grpc_method!~"LeaseJobs|Watch.*"'
SERVERS_FAULT = 'grpc_code=~"Unknown|ResourceExhausted|Internal|Unavailable|DataLoss"'
STARTED, HANDLED, SECONDS = "grpc_server_started_total", "grpc_server_handled_total", "grpc_server_handling_seconds"
RECEIVED, SENT = "grpc_server_msg_received_total", "grpc_server_msg_sent_total"
CODES = ("OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
         "PermissionDenied", "Unauthenticated", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange",
         "Unimplemented", "Internal", "Unavailable", "DataLoss")
VARIABLES = [
    variable("service", "Service", f"label_values({metric(STARTED)}, grpc_service)", "gRPC service"),
    variable("method", "Method", f"label_values({metric(STARTED, CHOSEN[0])}, grpc_method)", "gRPC method"),
]


def under_way(by=""):
    return f"sum{by} ({metric(STARTED, *CHOSEN)}) - sum{by} ({metric(HANDLED, *CHOSEN)})"


def now():
    slow = f"histogram_quantile(0.99, sum by (le) ({increase(SECONDS + '_bucket', *CHOSEN, ANSWERED)}))"
    return row(
        "Now",
        stat("Calls per second", "Calls that began.", f"sum({rate(STARTED, *CHOSEN)})", graph=True, decimals=1),
        stat("Under way", "Calls that began and have not ended: mostly workers that wait for work, and watchers.",
             under_way(), "none"),
        stat("Server's errors", "Share of the calls ended in the range shown with Unknown, ResourceExhausted, "
             "Internal, Unavailable or DataLoss.", f"sum({increase(HANDLED, *CHOSEN, SERVERS_FAULT)}) / "
             f"(sum({increase(HANDLED, *CHOSEN)}) > 0)", "percentunit",
             steps((None, "green"), (0.001, "yellow"), (0.01, "red")), decimals=2, none="no calls"),
        stat("All errors", "Share of the calls ended in the range shown with any code but OK.",
             "sum(" + increase(HANDLED, *CHOSEN, 'grpc_code!="OK"') + ") / "
             f"(sum({increase(HANDLED, *CHOSEN)}) > 0)", "percentunit", SHARE_OF_FAILURES, decimals=1, none="no calls"),
        stat("Slow call", "99 of 100 calls in the range shown took less than this. Without LeaseJobs and Watch, which "
             "wait by design.", slow, "s", steps((None, "green"), (0.25, "yellow"), (1, "red")), none="no calls"),
        stat("Watchers", "WatchSweep and WatchTransform calls under way.",
             f"sum({metric('bitsweep_stream_subscribers')})", "none", graph=True),
        stat("Left out", "Times, in the range shown, that a watcher was so far behind that transitions were left out.",
             f"sum({increase('bitsweep_stream_dropped_total')})", "short", steps((None, "green"), (0.1, "orange")),
             decimals=0),
        stat("Refused submits", "In the range shown: the store is full, the plan too large, or the server drains.",
             f"sum({increase('bitsweep_admission_rejected_total')})", "short", steps((None, "green"), (0.1, "orange")),
             decimals=0))


def rates():
    return row(
        "Rate",
        series("Calls per second, by method", "Calls that began, the 10 most frequent methods.",
               f"topk(10, sum by (grpc_method) ({rate(STARTED, *CHOSEN)}))", "{{grpc_method}}", stack=True),
        series("Under way, by method", "Calls that began and have not ended, the 10 methods with most.",
               f"topk(10, {under_way(' by (grpc_method)')})", "{{grpc_method}}", stack=True, stepped=True))


def errors():
    return row(
        "Errors",
        series("Calls ended per second, by code", "OK, what is the caller's (yellow and blue), what is the server's "
               "(red and orange).", f"sum by (grpc_code) ({rate(HANDLED, *CHOSEN)}) > 0", "{{grpc_code}}", stack=True,
               colours=CODES),
        series("Server's errors, share", "Unknown, ResourceExhausted, Internal, Unavailable and DataLoss, of calls "
               "that ended. Gaps: none ended.", f"sum({rate(HANDLED, *CHOSEN, SERVERS_FAULT)}) / "
               f"(sum({rate(HANDLED, *CHOSEN)}) > 0)", "share", "percentunit",
               thresholds=steps((None, "green"), (0.01, "red"))),
        bars("Errors, by code", "Calls in the range shown that ended with something but OK.",
             "sort_desc(sum by (grpc_code) (" + increase(HANDLED, *CHOSEN, 'grpc_code!="OK"') + "))", "{{grpc_code}}",
             decimals=0, width=12, height=11, colours=CODES[1:]),
        bars("Errors, by method", "The 12 methods with most, in the range shown.",
             "topk(12, sum by (grpc_method) (" + increase(HANDLED, *CHOSEN, 'grpc_code!="OK"') + "))",
             "{{grpc_method}}", decimals=0, width=12, height=11, thresholds=steps((None, "green"), (0.5, "orange"))))


def durations():
    return row(
        "Duration",
        heatmap("Time of a call", "Without LeaseJobs and Watch, which wait by design.", SECONDS, *CHOSEN, ANSWERED),
        series("Time of a call, quantiles", "Without LeaseJobs and Watch, which wait by design.",
               quantiles(SECONDS, *CHOSEN, ANSWERED), unit="s", colours=("p50", "p95", "p99")),
        series("Time of a call, 95 %, by method", "Gaps: no call ended. Without LeaseJobs and Watch.",
               quantile(0.95, SECONDS, *CHOSEN, ANSWERED, by=("grpc_method",)), "{{grpc_method}}", "s", width=24,
               height=9))


def messages():
    return row(
        "Messages",
        series("Received per second", "Messages, the 10 methods with most.",
               f"topk(10, sum by (grpc_method) ({rate(RECEIVED, *CHOSEN)}))", "{{grpc_method}}", width=8, stack=True),
        series("Sent per second", "Messages, the 10 methods with most.",
               f"topk(10, sum by (grpc_method) ({rate(SENT, *CHOSEN)}))", "{{grpc_method}}", width=8, stack=True),
        series("Messages of a call, by type", "Received and sent for each call that began.",
               f"(sum by (grpc_type) ({rate(RECEIVED, *CHOSEN)}) + sum by (grpc_type) ({rate(SENT, *CHOSEN)})) / "
               f"(sum by (grpc_type) ({rate(STARTED, *CHOSEN)}) > 0)", "{{grpc_type}}", width=8, decimals=1))


def dashboard():
    return made("grpc", "gRPC", "Calls to the server: rate, errors and duration by method and code.",
                [now(), rates(), errors(), durations(), messages()], VARIABLES)
