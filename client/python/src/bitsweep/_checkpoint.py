# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: docs/checkpoint_format.md."""
from __future__ import annotations

import hashlib
import json
import struct
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_DTYPES = {"f32": "<f4", "i64": "<i8"}


class Checkpoint(NamedTuple):
    """A network: its graph, its tensors in full precision, and where it comes from."""

    graph: dict[str, Any]
    tensors: dict[str, npt.NDArray[Any]]
    metadata: dict[str, str]


def read_checkpoint(data: bytes) -> Checkpoint:
    """The bytes of a checkpoint file. ValueError when they are damaged, or none. The arrays are the caller's own."""
    if len(data) < 48 or data[:4] != b"BSCK":
        raise ValueError("not a checkpoint")
    version, size = struct.unpack("<IQ", data[4:16])
    if version != 1:
        raise ValueError(f"a checkpoint of version {version}; this reads version 1")
    if hashlib.sha256(data[:-32]).digest() != data[-32:]:
        raise ValueError("a damaged checkpoint: the digest does not match")
    start = (16 + size + 63) // 64 * 64
    if start > len(data) - 32:
        raise ValueError(f"a checkpoint whose header of {size} bytes is longer than it")
    header = json.loads(data[16:16 + size])
    tensors: dict[str, npt.NDArray[Any]] = {}
    for tensor in header["tensors"]:
        dtype = np.dtype(_DTYPES[tensor["dtype"]])
        first, bytes_ = start + tensor["offset"], tensor["bytes"]
        if first + bytes_ > len(data) - 32:
            raise ValueError(f"tensor {tensor['name']}: its {bytes_} bytes are not in the checkpoint")
        tensors[tensor["name"]] = np.frombuffer(data, dtype, bytes_ // dtype.itemsize, first).reshape(
            tensor["shape"]).copy()
    return Checkpoint(header["graph"], tensors, header["metadata"])
