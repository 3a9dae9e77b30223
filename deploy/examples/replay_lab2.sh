#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Replays the lab report's Lab 2 against a running server: trains jsc-tiny and jsc-rs1923 (with the ReLU output of
# the printed graph), then runs every pass on both and prints the tables of the report.
#
#   deploy/examples/replay_lab2.sh [--server HOST:PORT] [--bin FOLDER] [--epochs N] [--rows N]
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
server=127.0.0.1:50051
bin=$root/build/release/bin
epochs=5
rows=20000
while [ $# -gt 0 ]; do
  case "$1" in
    --server) server=$2 ;;
    --bin) bin=$2 ;;
    --epochs) epochs=$2 ;;
    --rows) rows=$2 ;;
    --help | -h) sed -n '3,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "replay_lab2.sh: unknown argument '$1'; expected --server, --bin, --epochs or --rows" >&2; exit 2 ;;
  esac
  shift 2
done
bitsweep=("$bin/bitsweep" --server "$server")
run=$(date +%s)

for model in jsc-tiny jsc-rs1923-relu; do
  sweep=lab2-$model-$run
  echo
  echo "=== $model: training"
  "${bitsweep[@]}" sweep submit --watch - <<END
sweep_id = "$sweep"
[sweep]
display_name = "lab 2: $model"
seed = 1
keep_models = "all"
[sweep.model]
builtin = "$model"
[sweep.dataset]
name = "synthetic-jets"
synthetic = { rows = $rows }
[sweep.base]
max_epochs = $epochs
learning_rate = 1e-2
batch_size = 256
END
  echo
  echo "=== $model: every pass of Lab 2"
  "${bitsweep[@]}" transform submit --watch - <<END
transform_id = "$sweep"
[transform]
display_name = "lab 2: $model"
seed = 1
[transform.model]
name = "models/$sweep-0"
[transform.dataset]
name = "synthetic-jets"
synthetic = { rows = $rows }

[[transform.passes]]
report_graph = {}
[[transform.passes]]
[transform.passes.profile_statistics]
by = "type"
target_weight_nodes = ["linear"]
target_activation_nodes = ["relu"]
weight_statistics = [{ name = "variance_precise" }]
activation_statistics = [{ name = "range_min_max" }]
num_samples = 32
[[transform.passes]]
report_node_meta = { which = ["all"], batch_size = 8 }
[[transform.passes]]
[transform.passes.quantize.quantization]
by = "type"
default_config = { name = "NA" }
rules = [
  { key = "conv1d", config = { name = "integer", data_in = { width = 8, frac_width = 4 }, weight = { width = 8, frac_width = 4 }, bias = { width = 8, frac_width = 4 } } },
  { key = "linear", config = { name = "integer", data_in = { width = 8, frac_width = 4 }, weight = { width = 8, frac_width = 4 }, bias = { width = 8, frac_width = 4 } } },
]
[[transform.passes]]
compare_graphs = {}
[[transform.passes]]
verify_quantization = {}
[[transform.passes]]
count_ops = { batch_size = 8, data_width = 8, weight_width = 8, bias_width = 8 }
[[transform.passes]]
evaluate = {}
END
  "${bitsweep[@]}" transform show "$sweep"
done
