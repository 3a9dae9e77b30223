#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Grafana's own typed model reads every dashboard and loses nothing; what is provisioned is where it is said to be.

Runs in the virtual environment build/tools/grafana, which deploy/install-deps.sh --dev makes.
"""
import copy
import json
import os
import pathlib
import sys
import unittest

import dashboards

TOOLS = pathlib.Path(os.environ.get("BITSWEEP_TOOLS", dashboards.ROOT / "build" / "tools" / "bin"))
PYTHON = TOOLS.parent / "grafana" / "bin" / "python"
try:
    import yaml
    from grafana_foundation_sdk.cog import plugins, runtime
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import dashboard as model
except ImportError:
    if sys.prefix == str(PYTHON.parent.parent) or not PYTHON.exists():
        sys.exit(f"test_model.py: {PYTHON} has no grafana-foundation-sdk: run deploy/install-deps.sh --dev")
    os.execv(PYTHON, [PYTHON, *sys.argv])

plugins.register_default_plugins()


def through_the_model(dashboard):
    return json.loads(json.dumps(model.Dashboard.from_json(copy.deepcopy(dashboard)), cls=JSONEncoder))


def differences(written, read, path="$"):
    """What of `written` is missing or other in `read`, which may have more: the model writes its defaults."""
    if isinstance(written, dict) and isinstance(read, dict):
        for key, value in written.items():
            if key not in read:
                yield f"{path}.{key}: lost"
            else:
                yield from differences(value, read[key], f"{path}.{key}")
    elif isinstance(written, list) and isinstance(read, list):
        if len(written) != len(read):
            yield f"{path}: {len(written)} elements became {len(read)}"
        for index, (one, other) in enumerate(zip(written, read)):
            yield from differences(one, other, f"{path}[{index}]")
    elif type(written) is not type(read) or written != read:
        yield f"{path}: {written!r} became {read!r}"


class Model(unittest.TestCase):
    def setUp(self):
        self.dashboards = dashboards.read()
        self.assertEqual(len(self.dashboards), 6)

    def test_loses_nothing(self):
        for name, dashboard in self.dashboards.items():
            with self.subTest(name):
                self.assertEqual(list(differences(dashboard, through_the_model(dashboard))), [])

    def test_knows_every_type(self):
        """Nothing passes through as bytes that the model does not understand."""
        for name, dashboard in self.dashboards.items():
            read = model.Dashboard.from_json(copy.deepcopy(dashboard))
            for panel in read.panels:
                if panel.type_val == "row":
                    continue
                with self.subTest(dashboard=name, panel=panel.title):
                    self.assertIsNotNone(runtime.panelcfg_config(panel.type_val))
                    self.assertNotIsInstance(panel.options, dict)
                    for target in panel.targets:
                        self.assertNotIsInstance(target, runtime.UnknownDataquery)

    def test_finds_what_is_lost(self):
        good = self.dashboards["overview.json"]
        changes = {
            "unknown field": lambda d: d.update(sweep=1),
            "misspelt field of a panel": lambda d: d["panels"][1].update(descripton="x"),
            "misspelt option": lambda d: d["panels"][1]["options"].update(colourMode="value"),
            "misspelt field of a query": lambda d: d["panels"][1]["targets"][0].update(legend="x"),
            "misspelt default": lambda d: d["panels"][1]["fieldConfig"]["defaults"].update(units="s"),
            "misspelt variable": lambda d: d["templating"]["list"][1].update(multiple=True),
        }
        for name, change in changes.items():
            with self.subTest(name):
                bad = copy.deepcopy(good)
                change(bad)
                self.assertTrue(list(differences(bad, through_the_model(bad))))


class Provisioning(unittest.TestCase):
    def read(self, kind):
        folder = dashboards.GRAFANA / "provisioning" / kind
        return [yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.yml"))]

    def test_dashboards_use_the_data_source(self):
        [file] = self.read("datasources")
        [source] = file["datasources"]
        self.assertEqual((source["name"], source["type"], source["uid"], source["url"], source["access"]),
                         ("Prometheus", "prometheus", "bitsweep-prometheus", "http://prometheus:9090", "proxy"))
        for dashboard in dashboards.read().values():
            [variable] = [v for v in dashboard["templating"]["list"] if v["type"] == "datasource"]
            self.assertEqual((variable["query"], variable["current"]),
                             (source["type"], {"text": source["name"], "value": source["uid"]}))

    def test_dashboards_are_read_from_their_folder(self):
        [file] = self.read("dashboards")
        [provider] = file["providers"]
        self.assertEqual((provider["type"], provider["allowUiUpdates"], provider["options"]["path"]),
                         ("file", False, "/etc/grafana/dashboards"))


if __name__ == "__main__":
    unittest.main()
