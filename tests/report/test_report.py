#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real sweeps and transforms, their reports, and the reports in a real Chromium (pages.test.mjs)."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
os.environ.setdefault("BITSWEEP_TOOLS", "/nonexistent")  # nothing here needs its tools
from child import end_with_test  # noqa: E402
from cluster import BIN, Cluster, wait_until  # noqa: E402
from transform_reports import TransformReports  # noqa: E402

CHROMIUM = "/usr/bin/chromium"
MARKUP = "a <b>bold</b> \"name\" & 'more' </script><script>alert(1)</script><!-- \u00e9"
MOST_CURVES = 8


def sweep(rows=1000, repeats=2, **fields):
    return {"model": {"builtin": "jsc-tiny"},
            "dataset": {"name": "synthetic-jets", "synthetic": {"rows": rows}},
            "base": {"max_epochs": 3, "learning_rate": 1e-3, "batch_size": 64}, "repeats": repeats, "seed": 1, **fields}


SWEEPS = {
    "axes": sweep(repeats=3, display_name="one at a time", one_at_a_time={
        "max_epochs": [5], "learning_rate": [1e-5, 1e-4, 1e-2], "batch_size": [16, 32, 128]}),
    "grid-2": sweep(display_name="two axes", grid={"learning_rate": [1e-3, 1e-2], "batch_size": [16, 64, 256]}),
    "grid-3": sweep(repeats=1, grid={"weight_decay": [0, 1e-4, 1e-2], "batch_size": [32, 128],
                                     "optimizer": ["OPTIMIZER_ADAM", "OPTIMIZER_SGD"]}),
    "qats": sweep(display_name=MARKUP, one_at_a_time={"learning_rate": [1e-2]}, quantization={
        "by": "type", "default_config": {"name": "NA"}, "rules": [{"key": "linear", "config": {
            "name": "integer", "data_in": {"width": 8, "frac_width": 4}, "weight": {"width": 8, "frac_width": 4}}}]}),
    "failed": sweep(dataset={"name": "no-such-file"}, grid={"learning_rate": [1e-3, 1e-2]}),
    "alone": sweep(repeats=1),
}


class Reports(TransformReports, Cluster):
    """One cluster for all of it."""

    def setUp(self):
        super().setUp()
        for program in (CHROMIUM, "node", "npm"):
            self.assertTrue(shutil.which(program), f"{program} is missing: deploy/install-deps.sh --dev")
        self.reports = self.folder / "reports"
        self.reports.mkdir()
        self.expectations = []

    def submit_file(self, sweep_id, spec):
        file = self.folder / f"{sweep_id}.json"
        file.write_text(json.dumps({"sweep": spec, "sweep_id": sweep_id}))
        self.cli("sweep", "submit", file)

    def state_of(self, sweep_id):
        return self.cli_json("sweep", "show", sweep_id)

    def wait_for(self, sweep_id, seconds=240):
        wait_until(lambda: "endTime" in self.state_of(sweep_id), f"{sweep_id} has ended", seconds, 0.2)

    def report(self, sweep_id, title, figures, tables, texts=()):
        file = f"{sweep_id}.html"
        said = self.cli_json("report", f"sweeps/{sweep_id}", "-o", self.reports / file)
        self.expect(file, title, figures, tables, texts)
        size = (self.reports / file).stat().st_size
        self.assertEqual(said, {"file": str(self.reports / file), "bytes": size})
        self.assertLess(size, 3_000_000)

    def expect(self, file, title, figures, tables, texts=()):
        self.expectations.append({"file": file, "title": title, "figures": figures, "tables": tables,
                                  "texts": list(texts)})

    def results(self, sweep_id):
        """Trials with a result."""
        return [t for t in self.cli_json("sweep", "trials", sweep_id).get("trials", []) if "result" in t]

    def speed(self, sweep_id):
        trials = self.results(sweep_id)
        panel = {"points": len(trials), "means": len({t["configuration"] for t in trials})}
        return {"seconds": panel, "rows-per-second": panel}

    @staticmethod
    def curves(name, lines, bands=None):
        return {name: {"lines": lines, "bands": lines if bands is None else bands}, name + "-rate": {"rates": lines}}

    def test_pages(self):
        self.start_server()
        # Before there is a worker: nothing has run.
        self.submit_file("empty", sweep(grid={"learning_rate": [1e-3, 1e-2]}))
        self.cli("sweep", "pause", "empty")
        self.report("empty", "empty", {}, {"Configurations": 2}, ["has not ended: 0 of 4 trials have a result"])
        for sweep_id, spec in SWEEPS.items():
            self.submit_file(sweep_id, spec)
        self.start_worker()
        for sweep_id in SWEEPS:
            self.wait_for(sweep_id)
        self.report_lattices()
        self.report_partial()
        self.report_thousands()
        self.report_comparisons()
        self.check_command()
        self.report_transforms(MARKUP)
        self.check_in_chromium()

    def report_lattices(self):
        axis = lambda repeats, values: {"points": repeats * values, "means": values, "intervals": values, "trend": 1}
        self.report("axes", "one at a time", {
            "axis-max_epochs": axis(3, 2), "axis-learning_rate": axis(3, 4), "axis-batch_size": axis(3, 4),
            **self.curves("curves-max_epochs", 2), **self.curves("curves-learning_rate", 4),
            **self.curves("curves-batch_size", 4), **self.speed("axes")},
            {"Configurations": 8}, ["8 configurations x 3 repeats", "the base of the search", "synthetic-jets"])
        coloured = {"points": 12, "means": 6, "intervals": 6, "trend": 0}
        self.report("grid-2", "two axes", {
            "heat-map": {"cells": 6, "values": 6}, "axis-learning_rate": coloured, "axis-batch_size": coloured,
            **self.curves("curves-best", 6), **self.speed("grid-2")}, {"Configurations": 6})
        self.report("grid-3", "grid-3", {
            "parallel": {"configurations": 12, "labels": 3 + 2 + 2 + 2},
            "axis-weight_decay": {"points": 12, "means": 3, "intervals": 3, "trend": 0},  # one value is 0
            "axis-batch_size": {"points": 12, "means": 2, "intervals": 2, "trend": 1},
            "axis-optimizer": {"points": 12, "means": 2, "intervals": 2, "trend": 0},
            **self.curves("curves-best", MOST_CURVES, 0), **self.speed("grid-3")},
            {"Configurations": 12}, ["Of 12 configurations with results 8 are drawn"])
        self.report("qats", MARKUP, {
            "axis-learning_rate": axis(2, 2), **self.curves("curves-learning_rate", 2), **self.speed("qats")},
            {"Configurations": 2}, [MARKUP, "quantization"])
        self.report("failed", "failed", {}, {"Configurations": 2, "Trials without a result": 4},
                    ["No trial has a result", "dataset_not_found", "no data set no-such-file below"])
        self.report("alone", "alone", {**self.curves("curves-best", 1, 0), **self.speed("alone")},
                    {"Configurations": 1})

    def report_partial(self):
        """Some with a result, the rest cancelled: the long ones come last in the plan."""
        self.submit_file("partial", sweep(repeats=1, rows=100000, max_parallel_trials=1, points=[
            {"learning_rate": 1e-5, "optimizer": "OPTIMIZER_SGD"}, {"learning_rate": 1e-3}, {"learning_rate": 1e-2},
            {"learning_rate": 0.5, "max_epochs": 40000}]))
        wait_until(lambda: len(self.results("partial")) == 3, "three have a result", 120, 0.2)
        self.cli("sweep", "cancel", "partial")
        self.wait_for("partial")
        points = {"points": 3, "means": 3, "intervals": 0, "trend": 0}
        self.report("partial", "partial", {
            "parallel": {"configurations": 3}, "axis-learning_rate": points, "axis-optimizer": points | {"means": 2, "intervals": 1},
            "axis-max_epochs": points | {"means": 1, "intervals": 1}, **self.curves("curves-best", 3, 0), **self.speed("partial")},
            {"Configurations": 4, "Trials without a result": 1}, ["1 of 4 trials have no result", "cancelled"])

    def report_thousands(self):
        self.submit_file("thousands", sweep(rows=100, repeats=1, random={
            "count": 5000, "learning_rate": {"min": 1e-5, "max": 1e-1, "scale": "SCALE_LOG"},
            "batch_size": {"values": [16, 32, 64]}}, base={"max_epochs": 1}))
        wait_until(lambda: int(self.state_of("thousands")["counts"].get("succeeded", 0)) > 1600,
                   "1600 have a result", 300, 0.2)
        self.cli("sweep", "cancel", "thousands")
        self.wait_for("thousands")
        count = int(self.state_of("thousands")["configurationCount"])
        self.assertGreater(count, 4900)
        speed = {"points": 24, "means": 24}
        self.report("thousands", "thousands", {
            "parallel": {"configurations": 300}, "axis-learning_rate": {}, "axis-batch_size": {},
            **self.curves("curves-best", MOST_CURVES, 0), "seconds": speed, "rows-per-second": speed},
            {"Configurations": count, "Trials without a result": 200}, ["too many to draw each", "are not listed"])

    def report_comparisons(self):
        self.cli("report", "--compare", "axes", "grid-2", "-o", self.reports / "sweeps.html")
        # Rate 0.001 with the batch sizes 16 and 64, and rate 0.01 with 64, are in both.
        self.expect("sweeps.html", "Two sweeps compared", {
            "differences": {"differences": 3, "intervals": 3, "zero": 1}, **self.curves("curves-best", 2)},
            {"Configurations of both": 3, "Side by side": self.rows_side_by_side()},
            ["3 configurations are in both", "1 in 20", "Both sweeps have the seed 1",
             "Without an equal one with results on the other side, A: 5 configurations"])
        models = [m["name"] for sweep_id in ("axes", "qats") for m in
                  self.cli_json("model", "list", "--filter", f'sweep = "sweeps/{sweep_id}"')["models"]]
        self.cli("report", "--compare", *models, "-o", self.reports / "models.html")
        nodes = len(self.cli_json("model", "show", models[0])["graph"]["nodes"])
        self.expect("models.html", "Two models compared", {},
                    {"Side by side": 16, "Nodes": nodes, "Tensors": 7}, ["Of these two models", "Welch", "quantized integer (8, 4)"])

    def rows_side_by_side(self):
        html = (self.reports / "sweeps.html").read_text()
        return html[html.index("<caption>Side by side"):].split("</table>")[0].count("<tr") - 1

    def check_command(self):
        piped = self.cli("report", "axes", "-o", "-").stdout
        self.assertTrue(piped.startswith("<!DOCTYPE html>"))
        for arguments, code, said in (
                (["nothing-here"], 3, "no such sweep or transform: nothing-here"),
                (["models/x"], 2, "expected sweeps/ID or transforms/ID"),
                (["--compare", "axes", "models/gone-0"], 3, "no such model"),
                (["axes", "-o", self.folder / "none" / "x.html"], 2, "cannot write")):
            done = self.cli("report", *arguments, check=False)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(said, done.stderr)
        # Whole or not at all: what was there stays, and nothing is left behind.
        target = self.folder / "folder.html"
        target.mkdir()
        self.assertEqual(self.cli("report", "axes", "-o", target, check=False).returncode, 2)
        self.assertEqual([f.name for f in self.folder.glob("folder.html*")], ["folder.html"])
        self.check_open()

    def check_open(self):
        """A browser of the test's own, and none."""
        tools = self.folder / "tools"
        tools.mkdir()
        seen = self.folder / "seen"
        browser = tools / "xdg-open"
        browser.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$#\" \"$1\" >'{seen}'\n")
        browser.chmod(0o755)
        name = self.folder / "a $(touch x) b.html"
        run = lambda path: subprocess.run(
            [BIN.resolve() / "bitsweep", "--server", self.address, "report", "axes", "--open", "-o", name],
            env={**os.environ, "PATH": str(path)}, capture_output=True, text=True, timeout=60, cwd=self.folder,
            preexec_fn=end_with_test)
        self.assertEqual(run(f"{tools}:/usr/bin:/bin").returncode, 0)
        self.assertEqual(seen.read_text(), f"1\n{name}\n")
        self.assertFalse((self.folder / "x").exists())
        done = run(self.folder / "none")
        self.assertEqual(done.returncode, 2)
        self.assertIn("xdg-open, which would show it, cannot be started", done.stderr)
        self.assertTrue(name.exists())

    def check_in_chromium(self):
        (self.reports / "expectations.json").write_text(json.dumps(self.expectations))
        tools = subprocess.run([HERE / "setup.sh"], stdout=subprocess.PIPE, text=True, check=True, timeout=300)
        done = subprocess.run(
            ["node", "--test", HERE / "pages.test.mjs"], text=True, capture_output=True, timeout=400,
            preexec_fn=end_with_test,
            env={**os.environ, "BITSWEEP_REPORTS": str(self.reports), "BITSWEEP_CHROMIUM": CHROMIUM,
                 "BITSWEEP_REPORT_TOOLS": tools.stdout.strip()})
        kept = os.environ.get("BITSWEEP_KEEP_REPORTS")  # a folder to look at them
        if kept:
            shutil.copytree(self.reports, kept, dirs_exist_ok=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"\bpass \d\d")


if __name__ == "__main__":
    unittest.main()
