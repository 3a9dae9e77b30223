#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds a preset (release) and runs all its tests; ends with ctest's summary, and why what was
# skipped was.
#
#   tests/run.sh [PRESET] [ctest arguments]     for example  tests/run.sh asan-ubsan -L unit
set -euo pipefail
cd "$(dirname "$0")/.."

preset=release
if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then
  preset=$1
  shift
fi

dependencies=(--dev)
case "$preset" in analyze | fuzz) dependencies+=(--analyze) ;; esac
deploy/install-deps.sh "${dependencies[@]}"

jobs=$(nproc)
log=$(mktemp)
cmake --preset "$preset" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
rm -f "$log"
cmake --build --preset "$preset" --parallel "$jobs"
result=0
junit=$(mktemp)
ctest --preset "$preset" --parallel "$jobs" --no-tests=error --output-junit "$junit" "$@" || result=$?
[ ! -s "$junit" ] || python3 tests/skipped.py "$junit" "build/$preset/Testing/Temporary/LastTest.log" || true
rm -f "$junit"
exit "$result"
