# SPDX-License-Identifier: Apache-2.0
"""A thin way into Bitsweep's API, for notebooks and scripts."""
from importlib.metadata import version as _version

from bitsweep._checkpoint import Checkpoint, read_checkpoint
from bitsweep._client import Client
from bitsweep._errors import BitsweepError, BitsweepWarning, Violation

__version__ = _version("bitsweep")
__all__ = ["BitsweepError", "BitsweepWarning", "Checkpoint", "Client", "Violation", "read_checkpoint"]
