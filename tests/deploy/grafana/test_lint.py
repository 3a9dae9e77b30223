#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The dashboards keep the rules of rules.py, and every rule finds what breaks it."""
import copy
import json
import pathlib
import re
import sys
import tempfile
import unittest

import dashboards
import promql
import rules

sys.path.insert(0, str(dashboards.GRAFANA))
import generate


def some_panel(dashboard, kind="timeseries"):
    return next(panel for panel in dashboards.panels(dashboard) if panel["type"] == kind)


def variable(dashboard, name):
    return next(v for v in dashboard["templating"]["list"] if v["name"] == name)


def in_expression(pattern, text):
    def change(dashboard):
        target = next(t for _, t in rules.targets(dashboard) if re.search(pattern, t["expr"]))
        target["expr"] = re.sub(pattern, text, target["expr"], count=1)
    return change


# For each rule, changes of a good dashboard that break it.
BREAKS = {
    "template-datasource-rule": [
        lambda d: d["templating"]["list"].remove(variable(d, "datasource")),
        lambda d: variable(d, "datasource").update(name="ds"),
        lambda d: variable(d, "datasource").update(label="Source")],
    "template-job-rule": [
        lambda d: d["templating"]["list"].remove(variable(d, "job")),
        lambda d: variable(d, "job").update(multi=False), lambda d: variable(d, "job").update(allValue=".*"),
        lambda d: variable(d, "job").update(includeAll=False), lambda d: variable(d, "job").update(label="job"),
        lambda d: variable(d, "job").update(datasource={"type": "prometheus", "uid": "abc"})],
    "template-instance-rule": [
        lambda d: d["templating"]["list"].remove(variable(d, "instance")),
        lambda d: variable(d, "instance").update(type="custom"),
        lambda d: variable(d, "instance").update(multi=False)],
    "template-label-promql-rule": [
        lambda d: variable(d, "job").update(query={"query": "labels(up, job)", "refId": "x"}),
        lambda d: variable(d, "job").update(query={"query": "label_values(up{, job)", "refId": "x"})],
    "template-on-time-change-reload-rule": [lambda d: variable(d, "job").update(refresh=1)],
    "panel-datasource-rule": [
        lambda d: some_panel(d).update(datasource={"type": "prometheus", "uid": "abc"}),
        lambda d: some_panel(d)["targets"][0].pop("datasource")],
    "panel-title-description-rule": [
        lambda d: some_panel(d).update(title=""), lambda d: some_panel(d).update(description=" ")],
    "panel-units-rule": [
        lambda d: some_panel(d)["fieldConfig"]["defaults"].pop("unit"),
        lambda d: some_panel(d)["fieldConfig"]["defaults"].update(unit="jobs"),
        lambda d: some_panel(d, "heatmap")["options"]["yAxis"].pop("unit")],
    "panel-no-targets-rule": [lambda d: some_panel(d).update(targets=[])],
    "target-promql-rule": [
        lambda d: some_panel(d)["targets"][0].update(expr='sum(up{job=~"$job", instance=~"$instance"}'),
        lambda d: some_panel(d)["targets"][0].update(expr='rate(up{job=~"$job", instance=~"$instance"})'),
        in_expression(r"\$kind", "$sort")],
    "target-rate-interval-rule": [in_expression(r"(rate\([^\[]*)\[\$__rate_interval\]", r"\1[5m]")],
    "target-job-rule": [
        in_expression(r'job=~"\$job", ', ""), in_expression(r'job=~"\$job"', 'job="$job"'),
        lambda d: some_panel(d)["targets"][0].update(expr="up")],
    "target-instance-rule": [in_expression(r', instance=~"\$instance"', "")],
    "target-counter-agg-rule": [
        in_expression(r"rate\((bitsweep_\w+_total[^\[]*)\[\$__rate_interval\]\)", r"\1"),
        in_expression(r"rate\((bitsweep_\w+_total)", r"deriv(\1")],
    "uneditable-dashboard-rule": [lambda d: d.update(editable=True), lambda d: d.pop("editable")],
    "bitsweep-identity": [lambda d: d.update(uid=None), lambda d: d.update(tags=[]), lambda d: d.update(title="x"),
                          lambda d: d.update(id=7)],
    "bitsweep-links": [lambda d: d.update(links=[]), lambda d: d["links"][0].update(includeVars=False)],
    "bitsweep-annotations": [
        lambda d: d["annotations"].update(list=[]),
        lambda d: d["annotations"]["list"][-1].update(datasource={"type": "prometheus", "uid": "abc"})],
    "bitsweep-variables": [
        lambda d: d["templating"]["list"].append(dict(variable(d, "job"), name="other"))],
    "bitsweep-names": [
        lambda d: d["panels"][2].update(id=d["panels"][1]["id"]),
        lambda d: d["panels"][2].update(title=d["panels"][1]["title"]),
        lambda d: d["panels"][1]["targets"].append(d["panels"][1]["targets"][0])],
    "bitsweep-legend": [lambda d: some_panel(d)["targets"][0].update(legendFormat="__auto")],
    "bitsweep-grid": [
        lambda d: d["panels"][2]["gridPos"].update(x=d["panels"][1]["gridPos"]["x"]),
        lambda d: d["panels"][1]["gridPos"].update(x=22), lambda d: d["panels"][0]["gridPos"].update(h=2),
        lambda d: d["panels"].pop(1)],
}


class Lint(unittest.TestCase):
    def setUp(self):
        self.dashboards = dashboards.read()
        self.exclusions = json.loads((dashboards.FOLDER / ".lint").read_text())["exclusions"]

    def test_dashboards_keep_the_rules(self):
        self.assertEqual(set(self.dashboards), {f"{name}.json" for name in (
            "overview", "sweeps", "workers", "store", "grpc", "quantization")})
        found = [problem for dashboard in self.dashboards.values() for problem in rules.problems(dashboard)]
        kept, wrong = rules.left_out(found, self.exclusions)
        self.assertEqual([*map(str, kept), *wrong], [])

    def test_identities_are_unique_and_fixed(self):
        self.assertEqual(sorted(d["uid"] for d in self.dashboards.values()), sorted(
            f"bitsweep-{name.removesuffix('.json')}" for name in self.dashboards))
        self.assertEqual(len({d["title"] for d in self.dashboards.values()}), len(self.dashboards))

    def test_every_rule_finds_what_breaks_it(self):
        self.assertEqual(set(BREAKS), set(rules.RULES))
        good = self.dashboards["overview.json"]
        before = {str(problem) for problem in rules.problems(good)}
        for name, changes in BREAKS.items():
            for index, change in enumerate(changes):
                with self.subTest(rule=name, change=index):
                    bad = copy.deepcopy(good)
                    change(bad)
                    self.assertNotEqual(bad, good, "the change changed nothing")
                    found = [p for p in rules.RULES[name](bad)]
                    problems = {str(rules.Problem(name, bad.get("title", ""), *p)) for p in found}
                    self.assertTrue(problems - before, f"{name} accepted what change {index} makes")

    def test_exceptions_need_a_reason_and_must_be_used(self):
        found = [rules.Problem("target-job-rule", "D", "no job", "P", "A")]
        place = {"dashboard": "D", "panel": "P"}
        self.assertEqual(rules.left_out(found, {"target-job-rule": {"reason": "why", "entries": [place]}}), ([], []))
        for wrong in ({"target-job-rule": {"entries": [place]}}, {"target-job-rule": {"reason": "why"}},
                      {"no-rule": {"reason": "why", "entries": [place]}},
                      {"target-job-rule": {"reason": "why", "entries": [{"dashboard": "D"}]}},
                      {"target-job-rule": {"reason": "why", "entries": [place, dict(place, panel="Q")]}}):
            self.assertTrue(rules.left_out(found, wrong)[1], wrong)

    def test_files_are_what_the_sources_say(self):
        self.assertEqual(generate.stale(), [])
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name, text in generate.rendered().items():
                (folder / name).write_text(text)
            self.assertEqual(generate.stale(folder), [])
            (folder / "store.json").write_text("{}\n")
            (folder / "grpc.json").unlink()
            (folder / "other.json").write_text("{}\n")
            self.assertEqual(generate.stale(folder), ["grpc.json", "other.json", "store.json"])

    def test_reads_expressions(self):
        found = promql.selectors('sum by (le, job) (rate(a_bucket{job=~"$job", x!="}("}[$__rate_interval])) / on (job)'
                                 ' group_left (z) (b offset 5m > bool 0) or vector(1) and {__name__=~"c|d"} == 0.5')
        self.assertEqual([s.name for s in found], ["a_bucket", "b", ""])
        self.assertEqual(found[0].matchers, [("job", "=~", "$job"), ("x", "!=", "}(")])
        self.assertEqual((found[0].range, found[0].functions), ("$__rate_interval", ["rate", "sum"]))
        self.assertEqual((found[1].range, found[1].functions), ("", []))
        values = {"__rate_interval": "4s", "x": "1", "y": "2"}
        self.assertEqual(promql.expanded("a[$__rate_interval] ${x} [[y]]", values), "a[4s] 1 2")


if __name__ == "__main__":
    unittest.main()
