# SPDX-License-Identifier: Apache-2.0
"""The wire contract: generated from proto/bitsweep/v1."""
