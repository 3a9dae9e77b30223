#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes rules.yaml, a PrometheusRule of deploy/prometheus/rules: change the rules there and run this.

usage: generate.py [--check]      with --check: only says whether the file differs, and fails if it does
"""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
RULES = HERE.parents[2] / "prometheus" / "rules"
HEAD = """\
# SPDX-License-Identifier: Apache-2.0
# Made by generate.py from deploy/prometheus/rules.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: bitsweep
  labels: {app.kubernetes.io/name: bitsweep}
spec:
  groups:
"""


def rendered():
    files = [path.read_text().partition("\ngroups:\n")[2] for path in sorted(RULES.glob("*.yml"))]
    lines = "\n".join(files).splitlines()
    return HEAD + "".join(f"  {line}\n" if line else "\n" for line in lines)


def main():
    file = HERE / "rules.yaml"
    if sys.argv[1:] == ["--check"]:
        same = file.read_text() == rendered()
        print("as generated" if same else f"{file.name} is not what generate.py writes")
        sys.exit(0 if same else 1)
    if sys.argv[1:]:
        sys.exit(__doc__)
    file.write_text(rendered())


if __name__ == "__main__":
    main()
