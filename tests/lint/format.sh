#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clang-format, SPDX lines and file sizes of every C++ file; syntax of every script.   usage: format.sh ROOT
set -euo pipefail
cd "$1"
mapfile -t files < <(find core proto server worker client tests -name '*.h' -o -name '*.cc' | sort)
[ ${#files[@]} -gt 50 ] || { echo "only ${#files[@]} files: is this the source tree?"; exit 1; }
status=0
clang-format --dry-run -Werror "${files[@]}" || status=1
for file in "${files[@]}"; do
  head -1 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || { echo "$file: no SPDX line"; status=1; }
done
if grep -nE ' +$' "${files[@]}"; then echo "trailing spaces"; status=1; fi
for file in "${files[@]}"; do # one concern a file
  case "$file" in
    *_test.cc) limit=560 ;;
    *.h) limit=220 ;;
    *) limit=440 ;;
  esac
  lines=$(wc -l <"$file")
  [ "$lines" -le "$limit" ] || { echo "$file: $lines lines, more than $limit"; status=1; }
done
mapfile -t scripts < <(find deploy tests .ci -name '*.sh' -o -path .ci/run)
for script in "${scripts[@]}"; do bash -n "$script" || status=1; done
exit $status
