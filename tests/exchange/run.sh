#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a test with the Python that setup.sh makes.
exec "$("$(dirname "$0")/setup.sh")" "$@"
