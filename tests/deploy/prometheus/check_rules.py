#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a rule of deploy/prometheus rests on a metric or label that nothing publishes, when an alert lacks its
severity, texts or runbook, or when a rule is not tested both ways.

usage: check_rules.py ROOT
"""
import pathlib
import re
import sys

import yaml

GOLDENS = ["tests/server/metrics/metrics.golden.txt", "tests/worker/app/metrics.golden.txt"]
RULES = "deploy/prometheus/rules"
TESTS = "tests/deploy/prometheus"
SEVERITIES = ("critical", "warning", "info")
SCRAPED = {"job", "instance", "service"}  # labels that Prometheus adds
WORDS = {"and", "or", "unless", "by", "on", "ignoring", "group_left", "group_right", "without", "offset", "bool"}


def published(root):
    """Labels by metric: what the programs publish, histograms by their parts, and `up`."""
    metrics = {"up": set()}
    for golden in GOLDENS:
        for line in (root / golden).read_text().splitlines():
            if line.startswith("#"):
                continue
            name, kind, labels, _ = line.split(" | ", 3)
            labels = set(filter(None, labels.split(",")))
            if kind != "histogram":
                metrics.setdefault(name, set()).update(labels)
                continue
            for part, more in (("_bucket", {"le"}), ("_sum", set()), ("_count", set())):
                metrics.setdefault(name + part, set()).update(labels | more)
    return metrics


def used(expression):
    """Pairs of a metric and the labels that its selector names."""
    plain = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression)
    plain = re.sub(r"\[[^\]]*\]", "", plain)
    plain = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", "", plain)
    found = []
    for match in re.finditer(r"([a-zA-Z_:][\w:]*)\s*(\(|\{[^}]*\})?", re.sub(r"\b\d[\w.]*", "", plain)):
        name, rest = match.group(1), match.group(2) or ""
        if rest != "(" and name not in WORDS:
            found.append((name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", rest))))
    return found


def problems_of_alert(root, alert, anchors):
    name = alert["alert"]
    if alert.get("labels", {}).get("severity") not in SEVERITIES:
        yield f"{name}: no severity of {', '.join(SEVERITIES)}"
    if "for" not in alert:
        yield f"{name}: does not say for how long"
    notes = alert.get("annotations", {})
    for key in ("summary", "description", "runbook"):
        if not notes.get(key):
            yield f"{name}: no {key}"
    page, _, anchor = notes.get("runbook", "").partition("#")
    if not (root / page).is_file() or anchor not in anchors(page):
        yield f"{name}: runbook {notes.get('runbook')} names no heading"


def problems_of_tests(root, alerts, records):
    outcomes = {name: set() for name in alerts}
    tested = set()
    for file in (root / TESTS).glob("*_test.yml"):
        for test in yaml.safe_load(file.read_text())["tests"]:
            for case in test.get("alert_rule_test", []):
                outcomes.setdefault(case["alertname"], set()).add(bool(case["exp_alerts"]))
            for case in test.get("promql_expr_test", []):
                if case["exp_samples"]:
                    tested.add(case["expr"])
    for name, seen in outcomes.items():
        if name not in alerts:
            yield f"{name}: is tested, and is no alert"
        if True not in seen:
            yield f"{name}: no test lets it fire"
        if False not in seen:
            yield f"{name}: no test keeps it silent"
    for name in sorted(records - tested):
        yield f"{name}: is not tested"


def main(root):
    sys.path.insert(0, str(root / "tests/lint"))
    import links

    def anchors(page):
        return links.anchors_of((root / page).read_text())

    rules = [rule for file in sorted((root / RULES).glob("*.yml"))
             for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]
    alerts = {rule["alert"] for rule in rules if "alert" in rule}
    records = {rule["record"] for rule in rules if "record" in rule}
    metrics = published(root)
    found = []
    for rule in rules:
        name = rule.get("alert") or rule.get("record")
        for metric, labels in used(rule["expr"]):
            if metric in records:
                continue
            if metric not in metrics:
                found.append(f"{name}: nothing publishes {metric}")
            elif not labels <= metrics[metric] | SCRAPED:
                found.append(f"{name}: {metric} has no label {', '.join(sorted(labels - metrics[metric] - SCRAPED))}")
        if "alert" in rule:
            found += problems_of_alert(root, rule, anchors)
    found += problems_of_tests(root, alerts, records)
    for problem in found:
        print(problem)
    print(f"{len(alerts)} alerts, {len(records)} recorded series, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
