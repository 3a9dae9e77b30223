#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs, builds, starts one server and one worker on this machine, runs the lab report's 12
# configurations (scaled down) and shows the result.
#
#   deploy/quickstart.sh                 leaves server and worker running
#   deploy/quickstart.sh --stop          stops them when the sweep is done
#   deploy/quickstart.sh --down          only stops them
#   deploy/quickstart.sh --sweep FILE    another sweep file (default deploy/examples/lab1-small.toml)
#   deploy/quickstart.sh --data DIR      where the store, logs and pid files go (default var/quickstart)
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
for variable in "${!BITSWEEP_@}"; do unset "$variable"; done # what runs here is what this script says
data="$root/var/quickstart"
sweep="$root/deploy/examples/lab1-small.toml"
stop_after=0
only_down=0
while [ $# -gt 0 ]; do
  case "$1" in
    --stop) stop_after=1 ;;
    --down) only_down=1 ;;
    --sweep | --data)
      [ $# -ge 2 ] || { echo "quickstart.sh: $1 needs a value" >&2; exit 2; }
      if [ "$1" = --sweep ]; then sweep=$(realpath "$2"); else mkdir -p "$2"; data=$(realpath "$2"); fi
      shift
      ;;
    --help | -h) sed -n '3,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "quickstart.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
  esac
  shift
done

bin="$root/build/release/bin"
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

is_running() { # NAME: whether the process of DIR/NAME.pid is one of ours and alive
  local pid
  pid=$(cat "$data/$1.pid" 2>/dev/null) || return 1
  [ -n "$pid" ] && [ "$(readlink "/proc/$pid/exe" 2>/dev/null | sed 's/ (deleted)$//')" = "$bin/bitsweep-$1" ]
}

is_outdated() { # NAME: whether it runs a program that has been built anew since
  is_running "$1" && [[ $(readlink "/proc/$(cat "$data/$1.pid")/exe") = *' (deleted)' ]]
}

stop_one() { # NAME
  is_running "$1" || return 0
  local pid
  pid=$(cat "$data/$1.pid")
  kill -TERM "$pid"
  tail --pid="$pid" -f /dev/null # until it has ended
  rm -f "$data/$1.pid" "$data/$1.ports"
  echo "stopped $1"
}

stop_all() {
  stop_one worker
  stop_one server
}

if [ "$only_down" = 1 ]; then
  stop_all
  exit 0
fi

say "1/4  Packages"
"$root/deploy/install-deps.sh"
echo "all there"

say "2/4  Build (release; the first time takes some minutes)"
cd "$root"
log=$(mktemp)
cmake --preset release >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
rm -f "$log"
cmake --build --preset release --parallel "$(nproc)" --target bitsweep-server bitsweep-worker bitsweep

say "3/4  Server and worker (store, logs and pid files in $data)"
mkdir -p "$data/store"

start_one() { # NAME ARGUMENT...
  local name=$1
  shift
  if is_running "$name"; then
    echo "$name is running already (pid $(cat "$data/$name.pid"))"
    return
  fi
  rm -f "$data/$name.ports"
  setsid nohup "$bin/bitsweep-$name" --port-file "$data/$name.ports" "$@" >>"$data/$name.log" 2>&1 </dev/null &
  local pid=$!
  echo "$pid" >"$data/$name.pid"
  local tries=0
  until [ -s "$data/$name.ports" ]; do
    if ! kill -0 "$pid" 2>/dev/null; then
      rm -f "$data/$name.pid"
      echo "bitsweep-$name did not start; the end of $data/$name.log:" >&2
      tail -5 "$data/$name.log" >&2
      exit 1
    fi
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { echo "bitsweep-$name gives no sign of life; see $data/$name.log" >&2; exit 1; }
    sleep 0.1
  done
  echo "$name started (pid $pid, $(tr '\n' ' ' <"$data/$name.ports"))"
}
if is_outdated server || is_outdated worker; then
  echo "the programs have been built anew: starting them again"
  stop_all
fi
start_one server --listen 127.0.0.1:50051 --data-dir "$data/store"
start_one worker --server 127.0.0.1:50051 --data-root "$root/tests/data"

say "4/4  $(realpath --relative-to="$root" "$sweep")"
status=0
"$bin/bitsweep" --server 127.0.0.1:50051 sweep submit "$sweep" --watch || status=$?

if [ "$stop_after" = 1 ]; then
  say "Stopping"
  stop_all
  exit $status
fi
say "Next"
cat <<EOT
  build/release/bin/bitsweep sweep list                      what has been run
  build/release/bin/bitsweep report ID --open                the sweep as a page with pictures
  build/release/bin/bitsweep model list                      the models that were kept
  build/release/bin/bitsweep model export ID --format onnx   one of them for another tool
  build/release/bin/bitsweep sweep submit deploy/examples/drybean-grid.toml --watch
  curl -s http://localhost:9464/metrics | grep ^bitsweep_    metrics of the server (worker: 9465)
  sqlite3 $data/store/bitsweep.db ".backup /tmp/copy.db"     a copy of the store, to query with any SQLite tool
  deploy/quickstart.sh --down                                stops server and worker

or without any client of ours, after deploy/install-deps.sh --dev:

  build/tools/bin/grpcurl -plaintext -d @ localhost:50051 bitsweep.v1.SweepService/SubmitSweep < deploy/examples/lab1.json
EOT
exit $status
