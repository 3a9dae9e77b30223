# SPDX-License-Identifier: Apache-2.0
"""Panels, variables and the grid, as Grafana's JSON has them. Everything a dashboard has in common is said here."""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
ALL = ".+"

# One colour for one thing, on every dashboard.
COLOURS = {
    "queued": "blue", "leased": "super-light-yellow", "running": "yellow", "paused": "light-purple",
    "succeeded": "green", "partially_succeeded": "light-green", "failed": "red", "dead": "dark-red",
    "cancelled": "#9fa7b3", "released": "light-blue", "lease_expired": "orange", "lost": "dark-orange",
    "idle": "light-green", "busy": "green", "draining": "purple", "active": "green", "suspect": "orange",
    "OK": "green", "Canceled": "#9fa7b3", "Unknown": "dark-purple", "InvalidArgument": "light-yellow",
    "DeadlineExceeded": "yellow", "NotFound": "super-light-yellow", "AlreadyExists": "light-blue",
    "PermissionDenied": "blue", "Unauthenticated": "dark-blue", "ResourceExhausted": "orange",
    "FailedPrecondition": "super-light-orange", "Aborted": "light-orange", "OutOfRange": "dark-yellow",
    "Unimplemented": "light-purple", "Internal": "dark-red", "Unavailable": "red", "DataLoss": "semi-dark-red",
    "weight": "blue", "bias": "orange", "trial": "blue", "transform": "purple",
    "p50": "light-green", "p95": "yellow", "p99": "orange",
}


# Queries -------------------------------------------------------------------------------------------


def metric(name, *matchers):
    """A selector with the dashboard's job and instance."""
    return name + "{" + ", ".join(['job=~"$job"', 'instance=~"$instance"', *matchers]) + "}"


def rate(name, *matchers):
    return f"rate({metric(name, *matchers)}[$__rate_interval])"


def increase(name, *matchers, over="$__range"):
    return f"increase({metric(name, *matchers)}[{over}])"


def of_server(expression):
    """Of what both programs publish under one name: the server's."""
    return f"({expression} and on (job, instance) {metric('bitsweep_build_info')})"


def of_workers(expression):
    return f"({expression} and on (job, instance) {metric('bitsweep_worker_build_info')})"


def quantile(q, name, *matchers, by=()):
    labels = ", ".join(["le", *by])
    return f"histogram_quantile({q}, sum by ({labels}) ({rate(name + '_bucket', *matchers)}))"


def mean(name, *matchers, by=()):
    """Mean of what a histogram saw; nothing while it sees nothing."""
    grouped = f"sum by ({', '.join(by)})" if by else "sum"
    return (f"{grouped} ({rate(name + '_sum', *matchers)}) / "
            f"({grouped} ({rate(name + '_count', *matchers)}) > 0)")


def query(expr, legend="", instant=False, form="time_series"):
    return {"datasource": DATASOURCE, "editorMode": "code", "expr": expr, "legendFormat": legend or "__auto",
            "instant": instant, "range": not instant, "format": form}


def quantiles(name, *matchers):
    return [query(quantile(q, name, *matchers), f"p{round(q * 100)}") for q in (0.5, 0.95, 0.99)]


# Panels --------------------------------------------------------------------------------------------


def steps(*pairs):
    """Thresholds: the first colour is that of what lies below the second's value."""
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for value, colour in pairs]}


OK_UNLESS_ANY = steps((None, "green"), (0.1, "red"))
WARN_IF_ANY = steps((None, "green"), (0.1, "orange"))
PLAIN = steps((None, "blue"))
SHARE_OF_FAILURES = steps((None, "green"), (0.05, "yellow"), (0.2, "red"))


def values(**texts):
    """Texts and colours for values: values(_0=("DOWN", "red"))."""
    return [{"type": "value", "options": {value.lstrip("_"): {"text": text, "color": colour, "index": index}
                                          for index, (value, (text, colour)) in enumerate(texts.items())}}]


def panel(kind, title, description, targets, width, height, defaults, options, overrides=(), **more):
    targets = [dict(target, refId=chr(ord("A") + index)) for index, target in enumerate(targets)]
    return {"type": kind, "title": title, "description": description, "datasource": DATASOURCE,
            "gridPos": {"x": 0, "y": 0, "w": width, "h": height},
            "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
            "options": options, "targets": targets, **more}


def _targets(of, legend, instant):
    return of if isinstance(of, list) else [query(of, legend, instant)]


def stat(title, description, expr, unit="short", thresholds=PLAIN, mappings=(), width=3, height=4, decimals=None,
         instant=True, graph=False, none="–", fill=False):
    defaults = {"unit": unit, "thresholds": thresholds, "color": {"mode": "thresholds"}, "mappings": list(mappings),
                "noValue": none}
    if decimals is not None:
        defaults["decimals"] = decimals
    options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
               "colorMode": "background_solid" if fill else "value", "graphMode": "area" if graph else "none",
               "textMode": "value", "justifyMode": "center", "orientation": "auto", "wideLayout": True}
    return panel("stat", title, description, _targets(expr, title, instant and not graph), width, height, defaults,
                 options)


def gauge(title, description, expr, unit="percentunit", thresholds=PLAIN, width=3, height=4, low=0, high=1):
    defaults = {"unit": unit, "min": low, "max": high, "thresholds": thresholds, "color": {"mode": "thresholds"},
                "mappings": [], "noValue": "–"}
    options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
               "showThresholdLabels": False, "showThresholdMarkers": True, "orientation": "auto"}
    return panel("gauge", title, description, _targets(expr, title, True), width, height, defaults, options)


def coloured(*names):
    return [{"matcher": {"id": "byName", "options": name},
             "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": COLOURS[name]}}]}
            for name in names]


def series(title, description, of, legend="", unit="short", width=12, height=8, stack=False, bars=False, stepped=False,
           low=0, high=None, thresholds=None, colours=(), overrides=(), decimals=None, log=False,
           calcs=("lastNotNull", "max")):
    """Lines over time. `of`: an expression (with `legend`) or a list of queries."""
    custom = {"drawStyle": "bars" if bars else "line", "lineWidth": 1 if stack or bars else 2,
              "fillOpacity": 80 if bars else 35 if stack else 8, "gradientMode": "none", "showPoints": "never",
              "lineInterpolation": "stepAfter" if stepped else "linear", "spanNulls": False,
              "stacking": {"mode": "normal" if stack else "none", "group": "A"}}
    if log:
        custom["scaleDistribution"] = {"type": "log", "log": 10}
    defaults = {"unit": unit, "color": {"mode": "palette-classic"}, "mappings": [], "custom": custom}
    if low is not None and not log:
        defaults["min"] = low
    if high is not None:
        defaults["max"] = high
    if decimals is not None:
        defaults["decimals"] = decimals
    if thresholds:
        defaults["thresholds"] = thresholds
        custom["thresholdsStyle"] = {"mode": "dashed"}
    options = {"legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": list(calcs)},
               "tooltip": {"mode": "multi", "sort": "desc"}}
    return panel("timeseries", title, description, _targets(of, legend, False), width, height, defaults, options,
                 [*coloured(*colours), *overrides])


def heatmap(title, description, name, *matchers, unit="s", width=12, height=8, scheme="Oranges"):
    """What a histogram saw: time to the right, its buckets upwards, how many as colour."""
    expr = f"sum by (le) ({increase(name + '_bucket', *matchers, over='$__rate_interval')})"
    defaults = {"unit": "short", "custom": {"hideFrom": {"legend": False, "tooltip": False, "viz": False},
                                            "scaleDistribution": {"type": "linear"}}}
    options = {"calculate": False, "cellGap": 1, "cellValues": {"unit": "short"},
               "color": {"mode": "scheme", "scheme": scheme, "fill": "dark-orange", "scale": "exponential",
                         "exponent": 0.5, "steps": 64, "reverse": False},
               "exemplars": {"color": "rgba(255,0,255,0.7)"}, "filterValues": {"le": 1e-9},
               "legend": {"show": True}, "rowsFrame": {"layout": "auto"}, "showValue": "never",
               "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": True},
               "yAxis": {"axisPlacement": "left", "reverse": False, "unit": unit}}
    return panel("heatmap", title, description, [query(expr, "{{le}}", form="heatmap")], width, height, defaults,
                 options, maxDataPoints=120)


def bars(title, description, expr, legend, unit="short", width=12, height=8, colours=(), thresholds=PLAIN,
         form="time_series", decimals=None):
    """A bar for each series, now or over the dashboard's range."""
    defaults = {"unit": unit, "min": 0, "thresholds": thresholds, "mappings": [], "noValue": "–",
                "color": {"mode": "thresholds"}}
    if decimals is not None:
        defaults["decimals"] = decimals
    options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "displayMode": "basic",
               "orientation": "horizontal", "showUnfilled": True, "valueMode": "color", "namePlacement": "left",
               "sizing": "auto", "minVizWidth": 8, "minVizHeight": 10, "maxVizHeight": 300,
               "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []}}
    return panel("bargauge", title, description, [query(expr, legend, True, form)], width, height, defaults,
                 options, coloured(*colours))


def table(title, description, expressions, columns, key="instance", width=24, height=6):
    """A row for each value of the label `key`, joined over the instant queries, which keep that label and what
    `columns` show: (field, title[, unit])."""
    targets = [query(expr, instant=True, form="table") for expr in expressions]
    joined = len(targets) > 1
    shown = [column[0] for column in columns]
    fields = [f"Time {index + 1}" if joined else "Time" for index in range(len(targets))]
    fields += [f"Value #{chr(ord('A') + index)}" if joined else "Value" for index in range(len(targets))]
    overrides = [{"matcher": {"id": "byName", "options": column[1]}, "properties": [{"id": "unit", "value": column[2]}]}
                 for column in columns if len(column) > 2]
    defaults = {"unit": "none", "mappings": [], "thresholds": PLAIN, "noValue": "–",
                "custom": {"align": "auto", "filterable": False, "cellOptions": {"type": "auto"}}}
    transformations = [{"id": "joinByField", "options": {"byField": key, "mode": "outer"}}] if joined else []
    transformations.append({"id": "organize", "options": {
        "excludeByName": {field: True for field in fields if field not in shown},
        "indexByName": {field: index for index, field in enumerate(shown)},
        "renameByName": {column[0]: column[1] for column in columns}}})
    return panel("table", title, description, targets, width, height, defaults,
                 {"showHeader": True, "cellHeight": "sm"}, overrides, transformations=transformations)


# Dashboards ----------------------------------------------------------------------------------------


def row(title, *panels):
    return title, panels


def laid_out(rows):
    """Rows below each other, panels from left to right, wrapped at 24 columns."""
    placed, y, number = [], 0, 0
    for title, panels in rows:
        number += 1
        placed.append({"type": "row", "id": number, "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
        y, x, tallest = y + 1, 0, 0
        for one in panels:
            number += 1
            width, height = one["gridPos"]["w"], one["gridPos"]["h"]
            if x + width > 24:
                x, y, tallest = 0, y + tallest, 0
            placed.append({"id": number, **one, "gridPos": {"x": x, "y": y, "w": width, "h": height}})
            x, tallest = x + width, max(tallest, height)
        y += tallest
    return placed


def variable(name, label, expr, description, sort=1):
    return {"type": "query", "name": name, "label": label, "description": description, "datasource": DATASOURCE,
            "query": {"query": expr, "refId": f"variable-{name}"}, "definition": expr, "refresh": 2, "sort": sort,
            "multi": True, "includeAll": True, "allValue": ALL, "current": {"text": "All", "value": "$__all"},
            "regex": "", "hide": 0, "skipUrlSync": False, "options": []}


BUILDS = '{__name__=~"bitsweep_(worker_)?build_info"}'
BUILDS_OF_JOB = '{__name__=~"bitsweep_(worker_)?build_info", job=~"$job"}'
VARIABLES = [
    {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "regex": "",
     "description": "The Prometheus that scrapes Bitsweep", "current": {"text": "Prometheus",
                                                                        "value": "bitsweep-prometheus"},
     "refresh": 1, "multi": False, "includeAll": False, "hide": 0, "skipUrlSync": False, "options": []},
    variable("job", "Job", f"label_values({BUILDS}, job)", "Scrape jobs of servers and workers"),
    variable("instance", "Instance", f"label_values({BUILDS_OF_JOB}, instance)",
             "One server or worker. What a server knows of the queue is shown only while the server is among them"),
]
KIND = variable("kind", "Kind", f"label_values({metric('bitsweep_trials')}, kind)",
                "trial: training; transform: passes on a model")


def event(name, colour, expr, title, text, tags, at_value=False, enable=True):
    return {"name": name, "datasource": DATASOURCE, "enable": enable, "hide": False, "iconColor": colour, "expr": expr,
            "titleFormat": title, "textFormat": text, "tagKeys": tags, "step": "60s", "useValueForTime": at_value}


ANNOTATIONS = [
    {"name": "Annotations & Alerts", "type": "dashboard", "builtIn": 1, "enable": True, "hide": True,
     "iconColor": "rgba(0, 211, 255, 1)", "datasource": {"type": "grafana", "uid": "-- Grafana --"}},
    event("Starts", "blue", metric("process_start_time_seconds") + " * 1000", "Start of {{instance}}", "{{job}}",
          "job,instance", at_value=True),
    event("Backups", "green", f"({metric('bitsweep_store_last_backup_timestamp_seconds')} > 0) * 1000", "Backup",
          "{{instance}}", "instance", at_value=True),
    event("Alerts", "red", 'ALERTS{alertstate="firing"}', "{{alertname}}", "{{severity}}", "alertname,severity"),
]


def dashboard(uid, title, description, rows, variables=(), period="now-1h"):
    return {
        "uid": f"bitsweep-{uid}", "title": f"Bitsweep / {title}", "description": description, "tags": ["bitsweep"],
        "editable": False, "graphTooltip": 1, "refresh": "30s", "schemaVersion": 39, "version": 1,
        "timezone": "browser", "time": {"from": period, "to": "now"},
        "timepicker": {"refresh_intervals": ["5s", "10s", "30s", "1m", "5m", "15m", "1h"]},
        "links": [{"type": "dashboards", "title": "Bitsweep", "tags": ["bitsweep"], "icon": "external link",
                   "tooltip": "", "url": "", "asDropdown": False, "targetBlank": False, "includeVars": True,
                   "keepTime": True}],
        "templating": {"list": [*VARIABLES, *variables]}, "annotations": {"list": ANNOTATIONS},
        "panels": laid_out(rows)}
