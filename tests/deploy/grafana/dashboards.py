# SPDX-License-Identifier: Apache-2.0
"""The dashboards as files, for the tests."""
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
GRAFANA = ROOT / "deploy" / "grafana"
FOLDER = GRAFANA / "dashboards"


def read():
    """Dashboards by the name of their file."""
    return {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels(dashboard):
    """All but rows, those in collapsed rows among them."""
    for panel in dashboard.get("panels", []):
        if panel["type"] == "row":
            yield from panel.get("panels", [])
        else:
            yield panel


def queries(dashboard):
    """(place, expression, instant, legend) of every target, and of every annotation that has a query."""
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            place = f"{dashboard['uid']} / {panel['title']} / {target['refId']}"
            yield place, target["expr"], bool(target.get("instant")), target.get("legendFormat", "")
    for annotation in dashboard["annotations"]["list"]:
        if "expr" in annotation:
            yield f"{dashboard['uid']} / annotation {annotation['name']}", annotation["expr"], False, ""
