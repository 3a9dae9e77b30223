#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs all benchmarks on one pinned core, peers beside them in the same run, and writes the table of docs/performance.md.
# Takes about ten minutes once everything is built.
#
#   tests/bench/run.sh            installs, builds, runs, writes the table
#   tests/bench/run.sh --quick    a tenth of the time a measurement, the table to standard output only
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
seconds=0.3
quick=0
case "${1:-}" in
  "") ;;
  --quick) seconds=0.05; quick=1 ;;
  --help | -h) sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "run.sh: unknown argument '$1'; expected --quick" >&2; exit 2 ;;
esac

deploy/install-deps.sh --dev --bench
cmake --preset release >/dev/null
cmake --build --preset release --target engine_bench >/dev/null

out="$root/build/bench"
mkdir -p "$out"
core=$(($(nproc) - 1))
pinned=(taskset -c "$core")

echo "engines, on core $core" >&2
"${pinned[@]}" build/release/tests/bin/engine_bench --benchmark_min_time="$seconds" \
  --benchmark_out="$out/engines.json" --benchmark_out_format=json >"$out/engines.log" 2>&1
rm -f "$out/jax.json" "$out/pytorch.json"
if python=$(tests/bench/peers/setup.sh); then
  "${pinned[@]}" "$python" tests/bench/peers/jax_bench.py --seconds "$seconds" >"$out/jax.json"
else
  echo "SKIPPED: JAX could not be installed" >&2
fi
if /usr/bin/python3 -c 'import torch' 2>/dev/null; then
  "${pinned[@]}" /usr/bin/python3 tests/bench/peers/torch_bench.py --seconds "$seconds" >"$out/pytorch.json"
else
  echo "SKIPPED: python3-torch is not installed" >&2
fi
if [ "$quick" = 1 ]; then
  python3 tests/bench/table.py "$out"
else
  python3 tests/bench/table.py "$out" --write docs/performance.md
fi
