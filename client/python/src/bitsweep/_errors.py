# SPDX-License-Identifier: Apache-2.0
"""Errors with what the API promises: a reason, and every field that is wrong."""
from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import grpc
from google.rpc import error_details_pb2, status_pb2


class BitsweepWarning(UserWarning):
    """What is legal but unusual: the server's words about a submission."""


@dataclasses.dataclass(frozen=True)
class Violation:
    """One problem of one field."""

    field: str  # in the request's own names: "sweep.base.batch_size"
    description: str


class BitsweepError(Exception):
    """The server refused, or cannot be reached; or a specification is wrong."""

    def __init__(self, message: str, *, code: str, reason: str = "", violations: Sequence[Violation] = (),
                 metadata: dict[str, str] | None = None, retry_after: float | None = None) -> None:
        head = f"{reason or code}: {message}"
        if violations:  # the message repeats them
            head = f"{reason or code} ({len(violations)} problem{'s' if len(violations) > 1 else ''})"
        super().__init__("\n".join([head, *(f"  {v.field}: {v.description}" for v in violations)]))
        self.message = message
        self.code = code  # gRPC's, "NOT_FOUND"
        self.reason = reason  # docs/api.md lists all, "SWEEP_NOT_FOUND"; empty when there is none
        self.violations = list(violations)
        self.metadata = dict(metadata or {})
        self.retry_after = retry_after  # seconds, where the server says so


def from_rpc(error: grpc.RpcError) -> BitsweepError:
    call: grpc.Call = error  # type: ignore[assignment]  # what the library raises is both
    code = call.code().name
    reason = ""
    metadata: dict[str, str] = {}
    violations: list[Violation] = []
    retry_after = None
    for key, value in call.trailing_metadata() or ():
        if key != "grpc-status-details-bin" or not isinstance(value, bytes):
            continue
        for any_detail in status_pb2.Status.FromString(value).details:
            info = error_details_pb2.ErrorInfo()
            bad = error_details_pb2.BadRequest()
            retry = error_details_pb2.RetryInfo()
            if any_detail.Unpack(info):
                reason = info.reason
                metadata = dict(info.metadata)
            elif any_detail.Unpack(bad):
                violations = [Violation(v.field, v.description) for v in bad.field_violations]
            elif any_detail.Unpack(retry):
                retry_after = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    return BitsweepError(call.details() or "no message", code=code, reason=reason, violations=violations,
                         metadata=metadata, retry_after=retry_after)
