#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what drives Chromium in the tests of reports into build/tools/report, as package-lock.json pins it. Does
# nothing when it is there. Prints the folder.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
here="$root/tests/report"
folder="$root/build/tools/report"
if ! cmp -s "$here/package-lock.json" "$folder/installed.json"; then
  rm -rf "$folder"
  mkdir -p "$folder"
  cp "$here/package.json" "$here/package-lock.json" "$folder/"
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
  cp "$here/package-lock.json" "$folder/installed.json"
fi
echo "$folder"
