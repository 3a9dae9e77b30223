#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prometheus' own checks of deploy/prometheus, the unit tests of its rules, and check_rules.py.   usage: check.sh ROOT
set -euo pipefail
cd "$1"
command -v promtool >/dev/null || { echo "promtool is missing: deploy/install-deps.sh --dev installs it"; exit 1; }
promtool check config deploy/prometheus/prometheus.yml
promtool check rules deploy/prometheus/rules/*.yml
promtool test rules tests/deploy/prometheus/*_test.yml
tests/deploy/prometheus/check_rules.py .
