#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the Python environment build/tools/python: the checkout's package `bitsweep`, installed by pip as a user does it,
# and what its tests need, by exact version. Prints the environment's python. Does nothing when all is there.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
venv="$root/build/tools/python"
mkdir -p "$root/build/tools"
exec 9>"$root/build/tools/python.lock"
flock 9
wanted=$(cd "$root" && find tests/python/requirements.txt client/python proto/bitsweep -type f \
  ! -path '*/build/*' ! -path '*.egg-info/*' ! -path '*/__pycache__/*' ! -name '*_pb2*' -print0 |
  sort -z | xargs -0 sha256sum)
if [ "$(cat "$venv/installed.txt" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$venv"
  python3 -m venv "$venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$root/tests/python/requirements.txt" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check "$root/client/python" >&2
  printf '%s\n' "$wanted" >"$venv/installed.txt"
fi
echo "$venv/bin/python"
