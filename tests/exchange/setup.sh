#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the programs that tests/exchange compares with (onnxruntime, qonnx, hls4ml, Optuna, ...) from PyPI, by exact
# version, into a Python environment in build/tools/exchange; does nothing when it is there. Prints its python.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
requirements="$root/tests/exchange/requirements.txt"
venv="$root/build/tools/exchange"
if ! cmp -s "$requirements" "$venv/installed.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$requirements" >&2
  cp "$requirements" "$venv/installed.txt"
fi
echo "$venv/bin/python"
