#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real server, worker and Prometheus: every query of every dashboard answers with data.

What cannot here is in no_data.json, a pattern of places, with the event that would give it data; an entry that is not
needed is an error.
"""
import fnmatch
import json
import math
import pathlib
import re
import sys
import time
import unittest

import dashboards
import promql
import rules
from prometheus import Prometheus, fetch

sys.path.insert(0, str(dashboards.ROOT / "tests" / "e2e"))
from cluster import Cluster, small_sweep, wait_until

NO_DATA = pathlib.Path(__file__).with_name("no_data.json")
OF_PROMETHEUS = {"ALERTS", "up"}
INTEGER = {"name": "integer", "dataIn": {"width": 8, "fracWidth": 4}, "weight": {"width": 6, "fracWidth": 5},
           "bias": {"width": 6, "fracWidth": 5}}
TRANSFORM = {"transformId": "formats", "transform": {
    "model": {"builtin": "jsc-tiny"}, "dataset": {"name": "synthetic-jets", "synthetic": {"rows": 2000}},
    "axes": [{"entry": "weight_width", "values": [4, 6]}],
    "passes": [
        {"reportGraph": {}},
        {"quantize": {"quantization": {"by": "type", "defaultConfig": {"name": "NA"},
                                       "rules": [{"key": "linear", "config": INTEGER}]}}},
        {"verifyQuantization": {}}, {"evaluate": {}}, {"countOps": {"conventions": ["COUNT_CONVENTION_MACS"]}}]}}
# What the work below makes of some panels, at its end: (value, how far from it an answer may be).
KNOWN = {
    "bitsweep-overview / Server / A": (1, 0),
    "bitsweep-overview / Workers / A": (1, 0),
    "bitsweep-overview / Queue / A": (0, 0),
    "bitsweep-overview / Alerts / A": (1, 0),
    "bitsweep-overview / Store / A": (1, 0),
    "bitsweep-overview / Plan violations / A": (0, 0),
    "bitsweep-overview / Queued / A": (0, 0),
    "bitsweep-overview / Time left / A": (0, 0),
    "bitsweep-overview / Failed / A": (1 / 9, 0.05),
    "bitsweep-overview / Slots and open work / A": (2, 0),  # both programs publish bitsweep_worker_slots
    "bitsweep-overview / Slots busy / A": (0, 0),
    "bitsweep-sweeps / Done / A": (1, 0),
    "bitsweep-sweeps / Sweeps under way / A": (0, 0),
    "bitsweep-workers / Slots / A": (2, 0),
    "bitsweep-workers / Cut off / A": (0, 0),
    "bitsweep-workers / Workers that Prometheus reaches / C": (2, 0),
    "bitsweep-grpc / Under way / A": (1, 1),  # the worker waits for jobs
}


def has_data(result):
    return any(math.isfinite(value) for _, values in result for value in values)


class Live(Cluster):
    def setUp(self):
        super().setUp()
        self.began = time.time()
        self.dashboards = dashboards.read()
        self.start_server()
        self.start_worker()
        self.worker_port = self.workers["worker-one"].ports()["metrics"]
        self.prometheus = Prometheus(self.folder, {
            "bitsweep-server": [f"127.0.0.1:{self.metrics_port}"],
            "bitsweep-worker": [f"127.0.0.1:{self.worker_port}"]}, alerts=["Something"])
        self.addCleanup(self.prometheus.stop)

    def until_prometheus_says(self, expression, expected):
        wait_until(lambda: self.prometheus.value(expression) == expected,
                   f"{expression} is {expected} in Prometheus", 60, 0.2)

    def scraped(self, times):
        """Waits for so many scrapes more of both programs."""
        count = "min(count_over_time(up[1h]) and on (job) up == 1)"
        wanted = (self.prometheus.value(count) or 0) + times
        wait_until(lambda: (self.prometheus.value(count) or 0) >= wanted, f"{times} scrapes", 60, 0.2)

    def work(self):
        """A bit of everything that dashboards show."""
        self.until_prometheus_says("count(up == 1)", 2)
        self.scraped(2)
        submitted = {"sweepId": "wide", "sweep": small_sweep(epochs=30, repeats=6, rows=4000)}
        file = self.folder / "wide.json"
        file.write_text(json.dumps(submitted))
        self.cli("sweep", "submit", file, "--watch")
        self.submit(small_sweep(repeats=1, dataset={"name": "no-such-file"}), "missing")
        self.wait_ended("missing")
        file = self.folder / "formats.json"
        file.write_text(json.dumps(TRANSFORM))
        self.cli("transform", "submit", file, "--watch")
        self.assertNotEqual(self.cli("sweep", "show", "not-here", check=False).returncode, 0)
        self.cli("server", "backup", self.folder / "backup.tar")
        self.until_prometheus_says("sum(bitsweep_trials_finished_total)", 9)
        self.until_prometheus_says("sum(bitsweep_sweeps)", 2)
        self.until_prometheus_says("sum(bitsweep_transforms)", 1)
        self.scraped(4)  # a rate over $__rate_interval takes two

    def answers(self):
        """place -> (expression, legend, result) of every query, as Grafana asks it."""
        now = time.time()
        seconds = math.ceil(now - self.began)
        found = {}
        for dashboard in self.dashboards.values():
            values = promql.values_of(dashboard, 1, 1, seconds)
            for place, expression, instant, legend in dashboards.queries(dashboard):
                query = promql.expanded(expression, values)
                result = (self.prometheus.instant(query, time=now) if instant else
                          self.prometheus.range(query, self.began, now, 1))
                self.assertNotIn(place, found, "two queries of one name")
                found[place] = expression, legend, result
        return found

    def published(self):
        """Names in /metrics of both programs, each with its type."""
        text = "".join(fetch(f"http://127.0.0.1:{port}/metrics") for port in (self.metrics_port, self.worker_port))
        return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))

    def test_every_query_has_data(self):
        self.work()
        for _ in range(3):  # on a busy machine a scrape may come too late, and then the latest values are missing
            problems = self.problems()
            if not problems:
                return
            self.scraped(4)
        self.fail("\n" + "\n".join(problems))

    def problems(self):
        found = []
        published = self.published()
        for place, expression, _, _ in (q for d in self.dashboards.values() for q in dashboards.queries(d)):
            for name in (selector.name for selector in promql.selectors(expression)):
                whole = published.get(name) not in (None, "histogram", "summary")
                part = name != promql.base_name(name) and published.get(promql.base_name(name)) == "histogram"
                if not whole and not part and name not in OF_PROMETHEUS:
                    found.append(f"{place}: no program publishes {name}")

        answers = self.answers()
        no_data = json.loads(NO_DATA.read_text())
        for place, (expression, legend, result) in answers.items():
            if any(fnmatch.fnmatchcase(place, pattern) for pattern in no_data):
                if has_data(result):
                    found.append(f"{place}: is in {NO_DATA.name} and has data")
            elif not has_data(result):
                found.append(f"{place}: no data: {expression}")
            for label in re.findall(r"{{(\w+)}}", legend):
                if not all(label in labels for labels, _ in result):
                    found.append(f"{place}: the legend's {label} is no label of the answer")
        for place, (value, tolerance) in KNOWN.items():
            last = [values[-1] for _, values in answers[place][2]]
            if len(last) != 1 or not abs(last[0] - value) <= tolerance:
                found.append(f"{place}: {last} instead of {value}")
        found += [f"{pattern} in {NO_DATA.name}: no such query" for pattern in no_data
                  if not fnmatch.filter(answers, pattern)]
        found += [f"{pattern} in {NO_DATA.name}: no event" for pattern, event in no_data.items() if not event.strip()]

        for dashboard in self.dashboards.values():
            for panel in dashboards.panels(dashboard):
                if panel["type"] == "table":
                    found += self.columns(dashboard, panel, answers)
            found += self.variables(dashboard)
        return found

    def columns(self, dashboard, panel, answers):
        """Problems: columns of a table that are neither a label nor the value of one of its queries."""
        fields = {f"Value #{target['refId']}" for target in panel["targets"]}
        for target in panel["targets"]:
            result = answers[f"{dashboard['uid']} / {panel['title']} / {target['refId']}"][2]
            fields.update(label for labels, _ in result for label in labels)
        organize = [t["options"] for t in panel["transformations"] if t["id"] == "organize"]
        return [f"{dashboard['uid']} / {panel['title']}: no field {name}" for options in organize
                for name in options["indexByName"] if name not in fields]

    def variables(self, dashboard):
        """Problems: lists of values that are empty."""
        values = promql.values_of(dashboard, 1, 1, 60)
        found = []
        for variable in rules.variables(dashboard, "query"):
            query = rules.VARIABLE_QUERY.match(variable["query"]["query"])
            if not self.prometheus.get(f"label/{query['label']}/values",
                                       **{"match[]": promql.expanded(query["selector"], values)}):
                found.append(f"{dashboard['uid']}: variable {variable['name']} has no values")
        return found


if __name__ == "__main__":
    unittest.main()
