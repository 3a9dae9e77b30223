#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs a peer of the benchmarks into build/tools/peers, each in a Python environment of its own, by exact version.
# Prints the environment's python.
#
#   tests/bench/peers/setup.sh jax|pytorch
set -euo pipefail

root=$(cd "$(dirname "$0")/../../.." && pwd)
requirements="$root/tests/bench/peers/${1:?which peer: jax or pytorch}.txt"
venv="$root/build/tools/peers/$1"
if ! cmp -s "$requirements" "$venv/installed.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" >&2
  cp "$requirements" "$venv/installed.txt"
fi
echo "$venv/bin/python"
