#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs all benchmarks and writes the tables of docs/performance.md: the engines and their peers one after another on one
# pinned core, the queue and whole sweeps on all cores. Takes about ten minutes once everything is built.
#
#   tests/bench/run.sh            installs, builds, runs, writes the tables
#   tests/bench/run.sh --lab1     also Lab 1 at full size, and the same work as a JAX script: five minutes more
#   tests/bench/run.sh --quick    a part of the time a measurement, the tables to standard output only
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
seconds=0.3
queue_seconds=3
lab1_rows=125000
quick=0
lab1=0
for argument in "$@"; do
  case "$argument" in
    --lab1) lab1=1 ;;
    --quick) seconds=0.05; queue_seconds=1; lab1_rows=20000; quick=1 ;;
    --help | -h) sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "run.sh: unknown argument '$argument'; expected --lab1 or --quick" >&2; exit 2 ;;
  esac
done

deploy/install-deps.sh --dev --bench
cmake --preset release >/dev/null
cmake --build --preset release --target engine_bench queue_bench bitsweep bitsweep-server bitsweep-worker >/dev/null
programs=build/release/bin

out="$root/build/bench"
mkdir -p "$out"
core=$(($(nproc) - 1))
pinned=(taskset -c "$core")

echo "queue and sweeps, on all cores" >&2
build/release/tests/bin/queue_bench "$programs/bitsweep-server" "$queue_seconds" >"$out/queue.json"
python3 tests/bench/lab1.py "$programs" --slots 1,2 --rows "$lab1_rows" >"$out/slots.json"
rm -f "$out/lab1.json" "$out/jax_lab1.json"
if [ "$lab1" = 1 ]; then
  echo "Lab 1 at full size" >&2
  python3 tests/bench/lab1.py "$programs" --slots 2 --results >"$out/lab1.json"
  if python=$(tests/bench/peers/setup.sh jax); then
    "$python" tests/bench/peers/jax_lab1.py >"$out/jax_lab1.json"
  else
    echo "SKIPPED: JAX could not be installed" >&2
  fi
fi

echo "engines, on core $core" >&2
"${pinned[@]}" build/release/tests/bin/engine_bench --benchmark_min_time="$seconds" \
  --benchmark_out="$out/engines.json" --benchmark_out_format=json >"$out/engines.log" 2>&1
rm -f "$out/jax.json" "$out/pytorch.json"
if python=$(tests/bench/peers/setup.sh jax); then
  "${pinned[@]}" "$python" tests/bench/peers/jax_bench.py --seconds "$seconds" >"$out/jax.json"
else
  echo "SKIPPED: JAX could not be installed" >&2
fi
if python=$(tests/bench/peers/setup.sh pytorch); then
  "${pinned[@]}" "$python" tests/bench/peers/torch_bench.py --seconds "$seconds" >"$out/pytorch.json"
else
  echo "SKIPPED: PyTorch could not be installed" >&2
fi
if [ "$quick" = 1 ]; then
  python3 tests/bench/table.py "$out"
else
  python3 tests/bench/table.py "$out" --write docs/performance.md
fi
