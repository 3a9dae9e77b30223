# SPDX-License-Identifier: Apache-2.0
"""The face of the package."""
from __future__ import annotations

import hashlib
import os
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any

import grpc
import numpy.typing as npt

from bitsweep import _connection, _rows
from bitsweep._checkpoint import Checkpoint, read_checkpoint
from bitsweep._errors import BitsweepError, BitsweepWarning, from_rpc
from bitsweep._spec import request_of
from bitsweep.v1 import (artifact_service_pb2, artifact_service_pb2_grpc, model_service_pb2, model_service_pb2_grpc,
                         sweep_pb2, sweep_service_pb2, sweep_service_pb2_grpc, transform_pb2, transform_service_pb2,
                         transform_service_pb2_grpc)

Spec = Mapping[str, Any] | str | os.PathLike[str]

_PAGE = 1000


class Client:
    """The server, as a notebook uses it. Thread-safe; nothing is sent before the first call.

    What is not given comes from the environment, as the command line reads it: BITSWEEP_SERVER, BITSWEEP_TOKEN,
    BITSWEEP_TOKEN_FILE, BITSWEEP_TLS, BITSWEEP_TLS_CA, BITSWEEP_TLS_CERT, BITSWEEP_TLS_KEY, BITSWEEP_INSECURE_TOKEN.

    Methods take a sweep as its id, its name or the message, and likewise transforms and models. They raise
    BitsweepError; a call that finds the server unavailable is made four times in about two seconds. `timeout`: of one
    call, in seconds.
    `channel` is for the generated stubs: `bitsweep.v1.sweep_service_pb2_grpc.SweepServiceStub(client.channel)`.
    """

    def __init__(self, server: str | None = None, *, token: str | None = None,
                 token_file: str | os.PathLike[str] | None = None, tls: bool | None = None,
                 tls_ca: str | os.PathLike[str] | None = None, tls_cert: str | os.PathLike[str] | None = None,
                 tls_key: str | os.PathLike[str] | None = None, insecure_token: bool | None = None,
                 timeout: float = 30.0) -> None:
        text, flag = _connection.from_environment, _connection.flag_from_environment
        self.server = text("SERVER", server) or "127.0.0.1:50051"
        self.timeout = timeout
        # A file that is given goes before a token of the environment.
        token_text = text("TOKEN", token) if token_file is None or token is not None else ""
        self.channel = _connection.open_channel(_connection.Access(
            self.server, flag("TLS", tls), text("TLS_CA", tls_ca), text("TLS_CERT", tls_cert), text("TLS_KEY", tls_key),
            token_text, text("TOKEN_FILE", token_file), flag("INSECURE_TOKEN", insecure_token)))
        self._sweeps = sweep_service_pb2_grpc.SweepServiceStub(self.channel)
        self._transforms = transform_service_pb2_grpc.TransformServiceStub(self.channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self.channel)
        self._artifacts = artifact_service_pb2_grpc.ArtifactServiceStub(self.channel)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, type_: type[BaseException] | None, value: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.channel.close()

    # Sweeps ------------------------------------------------------------------------------------------------------

    def submit(self, spec: Spec | sweep_pb2.Sweep, *, sweep_id: str | None = None, request_id: str | None = None,
               validate_only: bool = False) -> sweep_pb2.Sweep:
        """Stores a sweep and queues its trials; returns it as stored. The server's warnings are BitsweepWarnings.

        `spec`: the path of a sweep file, TOML or JSON; a dict of that shape, or of its `sweep` alone; or the message.
        `request_id`: the same id with the same sweep is stored once; without one each call has its own.
        `validate_only`: stores nothing; the sweep says what would be run.
        """
        request = self._prepared(request_of(spec, sweep_service_pb2.SubmitSweepRequest(), "sweep"), request_id,
                                 validate_only)
        if sweep_id is not None:
            request.sweep_id = sweep_id
        answer = self._call(self._sweeps.SubmitSweep, request)
        _warn(answer.warnings)
        sweep: sweep_pb2.Sweep = answer.sweep
        return sweep

    def sweep(self, sweep: str | sweep_pb2.Sweep) -> sweep_pb2.Sweep:
        """The sweep as it is now, with its state and counts."""
        found: sweep_pb2.Sweep = self._call(
            self._sweeps.GetSweep, sweep_service_pb2.GetSweepRequest(name=_name("sweeps", sweep))).sweep
        return found

    def watch(self, sweep: str | sweep_pb2.Sweep, *,
              timeout: float | None = None) -> Iterator[sweep_service_pb2.WatchSweepResponse]:
        """What happens to a sweep, until it has ended. A server that goes away is waited for.

        Each update has the sweep as it is, changes of trials, epochs of those under way. `timeout`: of all of it.
        """
        name = self.sweep(sweep).name
        return self._watch(self._sweeps.WatchSweep, sweep_service_pb2.WatchSweepRequest(name=name), timeout)

    def results(self, sweep: str | sweep_pb2.Sweep, *, sort: str = "") -> list[dict[str, Any]]:
        """A dict a configuration: what varies, and over its repeats n, means and deviations; None where there is none.

        The rows of `bitsweep sweep results --json`. `sort`: "val_acc", best first; "val_loss desc".
        """
        found = self.sweep(sweep)
        request = sweep_service_pb2.ListConfigurationsRequest(
            parent=found.name, order_by=sort + " desc" if "acc" in sort and " " not in sort else sort)
        return [_rows.configuration_row(c, found)
                for page in self._pages(self._sweeps.ListConfigurations, request) for c in page.configurations]

    def trials(self, sweep: str | sweep_pb2.Sweep, *, epochs: bool = False,
               filter: str = "") -> list[dict[str, Any]]:
        """A dict a trial, the rows of `bitsweep sweep export`; times are datetimes in UTC.

        `epochs`: also `epoch_points` and `attempts`, lists of dicts. `filter`: docs/api.md, "state = FAILED".
        """
        request = sweep_service_pb2.ListTrialsRequest(
            parent=_name("sweeps", sweep), filter=filter,
            view=sweep_service_pb2.TRIAL_VIEW_FULL if epochs else sweep_service_pb2.TRIAL_VIEW_BASIC)
        return [_rows.trial_row(trial, epochs)
                for page in self._pages(self._sweeps.ListTrials, request) for trial in page.trials]

    # Transforms --------------------------------------------------------------------------------------------------

    def submit_transform(self, spec: Spec | transform_pb2.Transform, *, transform_id: str | None = None,
                         request_id: str | None = None, validate_only: bool = False) -> transform_pb2.Transform:
        """As `submit`. `spec`: a file in the request's form (docs/transform_files.md), such a dict, or the message."""
        request = self._prepared(request_of(spec, transform_service_pb2.SubmitTransformRequest(), "transform"),
                                 request_id, validate_only)
        if transform_id is not None:
            request.transform_id = transform_id
        answer = self._call(self._transforms.SubmitTransform, request)
        _warn(answer.warnings)
        transform: transform_pb2.Transform = answer.transform
        return transform

    def transform(self, transform: str | transform_pb2.Transform) -> transform_pb2.Transform:
        """The transform as it is now."""
        found: transform_pb2.Transform = self._call(
            self._transforms.GetTransform,
            transform_service_pb2.GetTransformRequest(name=_name("transforms", transform))).transform
        return found

    def watch_transform(self, transform: str | transform_pb2.Transform, *,
                        timeout: float | None = None) -> Iterator[transform_service_pb2.WatchTransformResponse]:
        """As `watch`."""
        name = self.transform(transform).name
        return self._watch(self._transforms.WatchTransform, transform_service_pb2.WatchTransformRequest(name=name),
                           timeout)

    def transform_results(self, transform: str | transform_pb2.Transform, *, sort: str = "") -> list[dict[str, Any]]:
        """A dict a job: its values of the axes, its state and headlines, and whether it is in the Pareto set.

        `sort`: "accuracy", "bitops", "size_bits", "seconds", best first; "accuracy asc".
        """
        order = "accuracy desc" if sort == "accuracy" else sort.removesuffix(" asc")
        request = transform_service_pb2.ListTransformJobsRequest(parent=_name("transforms", transform), order_by=order)
        return [_rows.job_row(job)
                for page in self._pages(self._transforms.ListTransformJobs, request) for job in page.jobs]

    # Models ------------------------------------------------------------------------------------------------------

    def checkpoint(self, model: str) -> Checkpoint:
        """A stored model, whole: graph, tensors, metadata. Its digest is checked."""
        name = _name("models", model)
        found = self._call(self._models.GetModel, model_service_pb2.GetModelRequest(name=name)).model
        data = self._download(found.artifact)
        try:
            return read_checkpoint(data)
        except (ValueError, KeyError, TypeError) as error:
            raise BitsweepError(f"{name}: {error}", code="DATA_LOSS") from None

    def tensors(self, model: str) -> dict[str, npt.NDArray[Any]]:
        """A model's tensors by their names, in the graph's order, in full precision."""
        return self.checkpoint(model).tensors

    def graph(self, model: str) -> dict[str, Any]:
        """A model's graph, as docs/graph_ir.md has it."""
        return self.checkpoint(model).graph

    # -------------------------------------------------------------------------------------------------------------

    def _call(self, method: Callable[..., Any], request: object) -> Any:
        return _connection.call(method, request, self.timeout)

    def _prepared(self, request: Any, request_id: str | None, validate_only: bool) -> Any:
        if request_id is not None:
            request.request_id = request_id
        if not request.request_id:  # so that trying again after a lost answer cannot store it twice
            request.request_id = f"python-{uuid.uuid4()}"
        if validate_only:
            request.validate_only = True
        return request

    def _pages(self, method: Callable[..., Any], request: Any) -> Iterator[Any]:
        request.page_size = _PAGE
        while True:
            page = self._call(method, request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def _watch(self, method: Callable[..., Any], request: Any, timeout: float | None) -> Iterator[Any]:
        for update in _connection.follow(lambda left: method(request, timeout=left), timeout):
            request.start_revision = update.revision
            yield update

    def _download(self, artifact: str) -> bytes:
        data = bytearray()
        tries, pause = 0, _connection.FIRST_PAUSE
        while True:
            before = len(data)
            request = artifact_service_pb2.DownloadArtifactRequest(name=artifact, offset=before)
            try:
                for response in self._artifacts.DownloadArtifact(request, timeout=max(self.timeout, 600.0)):
                    data += response.chunk
                break
            except grpc.RpcError as error:
                if len(data) > before:
                    tries, pause = 0, _connection.FIRST_PAUSE
                tries += 1
                if not _connection.is_unavailable(error) or tries == _connection.TRIES:
                    raise from_rpc(error) from None
            time.sleep(pause)
            pause *= 2
        if artifact != f"artifacts/{hashlib.sha256(data).hexdigest()}":
            raise BitsweepError(f"{artifact}: the bytes that came have another digest", code="DATA_LOSS")
        return bytes(data)


def _name(collection: str, given: Any) -> str:
    """The name of an id, a name or a message: "lab-1" is "sweeps/lab-1"."""
    name: str = given if isinstance(given, str) else given.name
    return name if "/" in name else f"{collection}/{name}"


def _warn(texts: Any) -> None:
    for text in texts:
        warnings.warn(text, BitsweepWarning, stacklevel=3)
