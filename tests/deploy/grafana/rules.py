# SPDX-License-Identifier: Apache-2.0
"""The rules for dashboards: those that Grafana's dashboard-linter documents, under its names, and our own.

Each takes a dashboard and yields problems. Rules of the linter may be left out for single panels by an entry in
deploy/grafana/dashboards/.lint, which must say why and must be used.
"""
import dataclasses
import json
import re
import subprocess
import tempfile

import dashboards
import promql

# The units that the linter knows and that are in use here; a new one must be one of Grafana's.
UNITS = {"none", "short", "percent", "percentunit", "dB", "bytes", "decbytes", "Bps", "binBps", "dateTimeAsIso",
         "dateTimeFromNow", "s", "ms", "dtdurations", "ops", "reqps", "cps", "hertz", "bool", "bool_yes_no",
         "bool_on_off"}
DATASOURCES = ("$datasource", "${datasource}", "$prometheus_datasource", "${prometheus_datasource}")
VARIABLE_QUERY = re.compile(r"^label_values\((?P<selector>.+),\s*(?P<label>\w+)\)$")
RATES = {"rate", "irate", "increase"}
GRID = 24


@dataclasses.dataclass
class Problem:
    rule: str
    dashboard: str
    message: str
    panel: str = ""
    target: str = ""

    def __str__(self):
        place = " / ".join(part for part in (self.dashboard, self.panel, self.target) if part)
        return f"{place}: {self.rule}: {self.message}"


RULES = {}  # name -> function that yields (message, panel, target)


def rule(name):
    def add(function):
        RULES[name] = function
        return function
    return add


def variables(dashboard, kind=None):
    return [v for v in dashboard.get("templating", {}).get("list", []) if kind is None or v["type"] == kind]


def targets(dashboard):
    for panel in dashboards.panels(dashboard):
        for target in panel.get("targets", []):
            yield panel, target


def selectors(dashboard):
    for panel, target in targets(dashboard):
        try:
            found = promql.selectors(target.get("expr", ""))
        except (ValueError, IndexError):
            continue  # target-promql-rule
        for selector in found:
            yield panel, target, selector


# The linter's rules --------------------------------------------------------------------------------


@rule("template-datasource-rule")
def template_datasource(dashboard):
    found = variables(dashboard, "datasource")
    if len(found) != 1:
        yield f"{len(found)} variables for the data source instead of one", "", ""
        return
    for what, value, allowed in (("name", found[0]["name"], ("datasource", "prometheus_datasource")),
                                 ("label", found[0].get("label"), ("Data source", "Prometheus data source")),
                                 ("query", found[0].get("query"), ("prometheus",))):
        if value not in allowed:
            yield f"the data source's {what} is {value!r} instead of {allowed[0]!r}", "", ""


def _template(dashboard, name):
    found = [v for v in variables(dashboard) if v["name"] == name]
    if not found:
        yield f"no variable {name}", "", ""
        return
    variable = found[0]
    for what, value, expected in (("type", variable["type"], "query"), ("label", variable.get("label"), name.title()),
                                  ("multi", variable.get("multi"), True), ("allValue", variable.get("allValue"), ".+"),
                                  ("includeAll", variable.get("includeAll"), True)):
        if value != expected:
            yield f"{what} of {name} is {value!r} instead of {expected!r}", "", ""
    if variable.get("datasource", {}).get("uid") not in DATASOURCES:
        yield f"{name} does not use the templated data source", "", ""


@rule("template-job-rule")
def template_job(dashboard):
    yield from _template(dashboard, "job")


@rule("template-instance-rule")
def template_instance(dashboard):
    yield from _template(dashboard, "instance")


@rule("template-label-promql-rule")
def template_label(dashboard):
    for variable in variables(dashboard, "query"):
        text = variable["query"]["query"] if isinstance(variable["query"], dict) else variable["query"]
        match = VARIABLE_QUERY.match(text)
        try:
            valid = bool(match) and len(promql.selectors(match["selector"])) == 1
        except (ValueError, IndexError):
            valid = False
        if not valid:
            yield f"the query of {variable['name']} is not label_values(SELECTOR, LABEL): {text}", "", ""


@rule("template-on-time-change-reload-rule")
def template_reload(dashboard):
    for variable in variables(dashboard, "query"):
        if variable.get("refresh") != 2:
            yield f"{variable['name']} is not read again when the time range changes (refresh 2)", "", ""


@rule("panel-datasource-rule")
def panel_datasource(dashboard):
    for panel in dashboards.panels(dashboard):
        for name, one in [("", panel), *((t.get("refId", "?"), t) for t in panel.get("targets", []))]:
            if one.get("datasource", {}).get("uid") not in DATASOURCES:
                yield "does not use the templated data source", panel.get("title", ""), name


@rule("panel-title-description-rule")
def panel_title(dashboard):
    for panel in dashboards.panels(dashboard):
        for what in ("title", "description"):
            if not panel.get(what, "").strip():
                yield f"no {what}", panel.get("title", ""), ""


@rule("panel-units-rule")
def panel_units(dashboard):
    for panel in dashboards.panels(dashboard):
        config = panel.get("fieldConfig", {})
        units = [config.get("defaults", {}).get("unit")]
        units += [p["value"] for o in config.get("overrides", []) for p in o["properties"] if p["id"] == "unit"]
        if panel["type"] == "heatmap":
            units.append(panel["options"].get("yAxis", {}).get("unit"))
        for unit in units:
            if unit not in UNITS:
                yield f"{unit!r} is no unit", panel.get("title", ""), ""


@rule("panel-no-targets-rule")
def panel_targets(dashboard):
    for panel in dashboards.panels(dashboard):
        if not panel.get("targets"):
            yield "no target", panel.get("title", ""), ""


@rule("target-promql-rule")
def target_promql(dashboard):
    checked = []
    values = promql.values_of(dashboard, 15, 15, 3600)
    for panel, target in targets(dashboard):
        place = panel.get("title", ""), target.get("refId", "")
        try:
            checked.append((place, promql.expanded(target["expr"], values)))
        except KeyError as error:
            yield f"no variable {error}", *place
    # One run of promtool for all. YAML is JSON's superset; a rule that is wrong is named by its number.
    rules = [{"record": f"rule:{index}", "expr": expr} for index, (_, expr) in enumerate(checked)]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"groups": [{"name": "panels", "rules": rules}]}, file)
        file.flush()
        done = subprocess.run(["promtool", "check", "rules", "--lint=none", file.name], capture_output=True, text=True,
                              timeout=60)
    if done.returncode != 0:
        wrong = sorted({int(index) for index in re.findall(r'"?rule:(\d+)"?', done.stderr + done.stdout)})
        for index in wrong:
            yield f"not valid: {checked[index][1]}", *checked[index][0]
        if not wrong:
            yield f"promtool: {done.stdout}{done.stderr}", "", ""


@rule("target-rate-interval-rule")
def target_rate_interval(dashboard):
    for panel, target, selector in selectors(dashboard):
        if selector.range and selector.functions[:1] in (["rate"], ["irate"]) and selector.range != "$__rate_interval":
            yield f"{selector.functions[0]} over {selector.range} instead of $__rate_interval", panel["title"], \
                target["refId"]


def _matcher(dashboard, label):
    for panel, target, selector in selectors(dashboard):
        if (label, "=~", f"${label}") not in selector.matchers:
            yield f'{selector.text} has no {label}=~"${label}"', panel.get("title", ""), target.get("refId", "")


@rule("target-job-rule")
def target_job(dashboard):
    yield from _matcher(dashboard, "job")


@rule("target-instance-rule")
def target_instance(dashboard):
    yield from _matcher(dashboard, "instance")


@rule("target-counter-agg-rule")
def target_counter(dashboard):
    for panel, target, selector in selectors(dashboard):
        if re.search("_(total|bucket|sum|count)$", selector.name) and (
                not selector.range or not selector.functions or selector.functions[0] not in RATES):
            yield f"counter {selector.name} without rate or increase", panel["title"], target["refId"]


@rule("uneditable-dashboard-rule")
def uneditable(dashboard):
    if dashboard.get("editable") is not False:
        yield "editable is not false", "", ""


# Our own -------------------------------------------------------------------------------------------


@rule("bitsweep-identity")
def identity(dashboard):
    if not re.fullmatch(r"bitsweep-[a-z]+", dashboard.get("uid") or ""):
        yield f"uid {dashboard.get('uid')!r} is not bitsweep-NAME", "", ""
    if not dashboard.get("title", "").startswith("Bitsweep / ") or not dashboard.get("description"):
        yield "no title that begins with 'Bitsweep / ', or no description", "", ""
    if dashboard.get("tags") != ["bitsweep"]:
        yield "the tag bitsweep, by which the others link here, is missing", "", ""
    if dashboard.get("id") is not None:
        yield "has an id, which is of one installation", "", ""


@rule("bitsweep-links")
def links(dashboard):
    if not any(link["type"] == "dashboards" and link["tags"] == ["bitsweep"] and link["keepTime"]
               and link["includeVars"] for link in dashboard.get("links", [])):
        yield "no link to the other dashboards that keeps time and variables", "", ""


@rule("bitsweep-annotations")
def annotations(dashboard):
    found = [a for a in dashboard.get("annotations", {}).get("list", []) if "expr" in a]
    if {a["name"] for a in found} < {"Starts", "Alerts"}:
        yield "starts and alerts are not annotated", "", ""
    for annotation in found:
        if annotation["datasource"].get("uid") not in DATASOURCES:
            yield f"annotation {annotation['name']} does not use the templated data source", "", ""


@rule("bitsweep-variables")
def used_variables(dashboard):
    texts = [target.get("expr", "") for _, target in targets(dashboard)]
    texts += [v["query"]["query"] for v in variables(dashboard, "query") if isinstance(v["query"], dict)]
    used = set().union(*(promql.names(text) for text in texts), {"datasource"})
    for variable in variables(dashboard):
        if variable["name"] not in used:
            yield f"variable {variable['name']} is not used", "", ""


@rule("bitsweep-names")
def panel_names(dashboard):
    seen, ids = set(), set()
    for panel in dashboard.get("panels", []):
        if panel.get("id") in ids or not isinstance(panel.get("id"), int):
            yield f"id {panel.get('id')!r} is missing or taken", panel.get("title", ""), ""
        ids.add(panel.get("id"))
        if panel["type"] != "row" and panel.get("title") in seen:
            yield "another panel has this title", panel["title"], ""
        seen.add(panel.get("title"))
        references = [target.get("refId") for target in panel.get("targets", [])]
        if len(set(references)) != len(references) or None in references:
            yield f"refId missing or twice: {references}", panel.get("title", ""), ""


@rule("bitsweep-legend")
def legends(dashboard):
    for panel, target in targets(dashboard):
        if panel["type"] != "table" and target.get("legendFormat", "__auto") in ("", "__auto"):
            yield "no legend", panel.get("title", ""), target.get("refId", "")


@rule("bitsweep-grid")
def grid(dashboard):
    taken = {}
    for panel in dashboard.get("panels", []):
        at, name = panel["gridPos"], panel.get("title", "")
        if at["x"] < 0 or at["y"] < 0 or at["w"] < 1 or at["h"] < 1 or at["x"] + at["w"] > GRID:
            yield f"outside of the {GRID} columns: {at}", name, ""
            continue
        if panel["type"] == "row" and (at["w"], at["h"]) != (GRID, 1):
            yield f"a row is {GRID} wide and 1 high, not {at}", name, ""
        cells = [(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]
        below = {taken[cell] for cell in cells if cell in taken}
        if below:
            yield f"lies over {', '.join(sorted(below))}", name, ""
        taken.update(dict.fromkeys(cells, name))
    depth = 1 + max((y for _, y in taken), default=-1)
    empty = sorted({y for y in range(depth) for x in range(GRID) if (x, y) not in taken})
    if empty:
        yield f"holes in rows {empty[:5]}", "", ""


# Exceptions ----------------------------------------------------------------------------------------


def problems(dashboard):
    name = dashboard.get("title", "")
    return [Problem(rule_name, name, message, panel, target) for rule_name, function in RULES.items()
            for message, panel, target in function(dashboard)]


def left_out(found, exclusions):
    """What of `found` stays after the exclusions of .lint, and what is wrong with these."""
    wrong, kept = [], list(found)
    for rule_name, entry in exclusions.items():
        if rule_name not in RULES or not entry.get("reason") or not entry.get("entries"):
            wrong.append(f".lint: {rule_name} needs a reason and entries, and must be a rule")
            continue
        for place in entry["entries"]:
            if not place.get("dashboard") or not place.get("panel"):
                wrong.append(f".lint: {rule_name}: an entry must name dashboard and panel: {place}")
                continue
            matched = [p for p in kept if (p.rule, p.dashboard, p.panel) == (rule_name, place["dashboard"],
                                                                            place["panel"])]
            if not matched:
                wrong.append(f".lint: {rule_name}: nothing to leave out at {place}")
            kept = [p for p in kept if p not in matched]
    return kept, wrong
