# SPDX-License-Identifier: Apache-2.0
"""What the dashboards show; generate.py writes it as JSON."""
