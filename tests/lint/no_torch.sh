#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fails when a program that must not need LibTorch (or the client SQLite) has it in its dynamic section,
# directly or through another library.   usage: no_torch.sh BIN_DIR
set -euo pipefail
bin=$1
check() { # PROGRAM PATTERN
  local needed
  needed=$(ldd "$bin/$1" | awk '{print $1}')
  [ -n "$needed" ] || { echo "$1: no dynamic section?"; exit 1; }
  if grep -Eq "$2" <<<"$needed"; then
    echo "$1 links what it must not:"
    grep -E "$2" <<<"$needed"
    exit 1
  fi
}
check bitsweep-server 'torch|c10'
check bitsweep 'torch|c10|sqlite|hdf5|prometheus'
if [ -x "$bin/bitsweep-worker" ]; then
  # The check can fail: the worker does link LibTorch.
  grep -q libtorch <<<"$(ldd "$bin/bitsweep-worker")" || { echo "bitsweep-worker does not link LibTorch?"; exit 1; }
  # LibTorch brings many libraries along; the worker itself asks for no SQLite.
  if readelf -d "$bin/bitsweep-worker" | grep NEEDED | grep sqlite; then
    echo "bitsweep-worker links SQLite"
    exit 1
  fi
fi
echo "ok"
