#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the peers of the benchmarks (requirements.txt) into build/tools/peers, a Python environment of their own. Prints
# the environment's python.
set -euo pipefail

root=$(cd "$(dirname "$0")/../../.." && pwd)
venv="$root/build/tools/peers"
if ! cmp -s "$root/tests/bench/peers/requirements.txt" "$venv/installed.txt"; then
  python3 -m venv "$venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$root/tests/bench/peers/requirements.txt" >&2
  cp "$root/tests/bench/peers/requirements.txt" "$venv/installed.txt"
fi
echo "$venv/bin/python"
