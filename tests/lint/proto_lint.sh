#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# buf lint, STANDARD + COMMENTS, on the wire contract.   usage: proto_lint.sh ROOT
set -euo pipefail
buf="$1/build/tools/buf/node_modules/.bin/buf"
[ -x "$buf" ] || { echo "no buf: run deploy/install-deps.sh --dev"; exit 1; }
cd "$1/proto"
"$buf" lint
echo "ok"
