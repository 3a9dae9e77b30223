# SPDX-License-Identifier: Apache-2.0
"""How a server is reached: docs/access.md. The same rules as the command line's."""
from __future__ import annotations

import ipaddress
import os
import pathlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import grpc

from bitsweep._errors import from_rpc

T = TypeVar("T")

TRIES, FIRST_PAUSE = 4, 0.2
FIRST_WATCH_PAUSE, LONGEST_WATCH_PAUSE = 0.25, 3.0
REREAD = 10.0


class Access(NamedTuple):
    """Where the server is, and who the caller is."""

    server: str
    tls: bool
    tls_ca: str
    tls_cert: str
    tls_key: str
    token: str
    token_file: str
    insecure_token: bool

    @property
    def uses_tls(self) -> bool:
        return bool(self.tls or self.tls_ca or self.tls_cert)


def from_environment(name: str, given: object) -> str:
    """What was given, else BITSWEEP_NAME, else nothing."""
    return str(given) if given is not None else os.environ.get(f"BITSWEEP_{name}", "")


def flag_from_environment(name: str, given: bool | None) -> bool:
    if given is not None:
        return given
    text = os.environ.get(f"BITSWEEP_{name}", "").lower()
    if text in ("1", "true", "on", "yes"):
        return True
    if text in ("", "0", "false", "off", "no"):
        return False
    raise ValueError(f"BITSWEEP_{name} {text}: expected true or false")


def is_loopback(address: str) -> bool:
    if re.search(r"[,;\s]", address):
        return False
    if address.startswith("unix:"):
        return True
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(:[0-9]+)?", address)
    if match is None:
        return False
    if match[1] in ("localhost", "[::1]"):
        return True
    try:
        return ipaddress.IPv4Address(match[1]).is_loopback
    except ValueError:
        return False


def _read(option: str, file: str) -> bytes:
    try:
        data = pathlib.Path(file).read_bytes()
    except OSError as error:
        raise ValueError(f"{option} {file}: cannot be read: {error.strerror}") from None
    if not data:
        raise ValueError(f"{option} {file}: is empty")
    return data


def _checked(source: str, token: str) -> str:
    token = token.rstrip("\r\n")
    if not re.fullmatch(r"[!-~]+", token):
        raise ValueError(f"{source}: expected one line of visible ASCII characters without spaces")
    return token


class _Token:
    """The token as it is now. A file is read again, at most every ten seconds; while it cannot be, the last counts."""

    def __init__(self, access: Access) -> None:
        self._file = "" if access.token else access.token_file
        self._lock = threading.Lock()
        self._read_at = time.monotonic()
        self._token = _checked("token", access.token) if access.token else self._from_file()

    def _from_file(self) -> str:
        return _checked(f"token_file {self._file}", _read("token_file", self._file).decode("latin-1"))

    def __call__(self) -> str:
        with self._lock:
            if self._file and time.monotonic() - self._read_at >= REREAD:
                self._read_at = time.monotonic()
                try:
                    self._token = self._from_file()
                except ValueError:
                    pass
            return self._token


class _CallDetails(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class _Details(_CallDetails, grpc.ClientCallDetails):
    pass


class _Bearer(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor,
              grpc.StreamUnaryClientInterceptor):
    """Sends the token with every call."""

    def __init__(self, token: _Token) -> None:
        self._token = token

    def _intercept(self, continuation: Any, details: Any, request: Any) -> Any:
        metadata = [*(details.metadata or ()), ("authorization", f"Bearer {self._token()}")]
        return continuation(_Details(details.method, details.timeout, metadata, details.credentials,
                                     details.wait_for_ready, details.compression), request)

    intercept_unary_unary = _intercept  # type: ignore[assignment]
    intercept_unary_stream = _intercept  # type: ignore[assignment]
    intercept_stream_unary = _intercept  # type: ignore[assignment]


def open_channel(access: Access) -> grpc.Channel:
    """Nothing is sent before the first call. ValueError names what does not go together, and files without a use."""
    if bool(access.tls_cert) != bool(access.tls_key):
        raise ValueError(f"tls_cert {access.tls_cert!r}, tls_key {access.tls_key!r}: expected both or none")
    has_token = bool(access.token or access.token_file)
    if has_token and not access.uses_tls and not access.insecure_token and not is_loopback(access.server):
        raise ValueError(f"server {access.server}: the token would travel without encryption; use tls or tls_ca, or "
                         "say insecure_token=True if that is meant")
    options: list[tuple[str, Any]] = [
        ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.min_reconnect_backoff_ms", 10000),
        ("grpc.max_reconnect_backoff_ms", 2000), ("grpc.keepalive_time_ms", 20000)]
    if access.uses_tls:
        channel = grpc.secure_channel(access.server, grpc.ssl_channel_credentials(
            _read("tls_ca", access.tls_ca) if access.tls_ca else None,
            _read("tls_key", access.tls_key) if access.tls_key else None,
            _read("tls_cert", access.tls_cert) if access.tls_cert else None), options)
    else:
        # Of a plain connection a proxy, which the environment may name, would read all, the token too.
        channel = grpc.insecure_channel(access.server, [*options, ("grpc.enable_http_proxy", 0)])
    return grpc.intercept_channel(channel, _Bearer(_Token(access))) if has_token else channel


def is_unavailable(error: grpc.RpcError) -> bool:
    return error.code() == grpc.StatusCode.UNAVAILABLE


def call(method: Callable[..., T], request: object, timeout: float) -> T:
    """A call that is safe to repeat: one that finds no server is made again a few times, all within `timeout`."""
    deadline = time.monotonic() + timeout
    pause = FIRST_PAUSE
    for attempt in range(1, TRIES + 1):
        try:
            return method(request, timeout=max(0.001, deadline - time.monotonic()))
        except grpc.RpcError as error:
            if not is_unavailable(error) or attempt == TRIES or time.monotonic() + pause >= deadline:
                raise from_rpc(error) from None
        time.sleep(pause)
        pause *= 2
    raise AssertionError("unreachable")


def follow(open_stream: Callable[[float | None], Any], timeout: float | None) -> Iterator[Any]:
    """What a stream says until its end. A server that goes away is waited for: `open_stream` begins where it was."""
    deadline = time.monotonic() + timeout if timeout is not None else None
    pause = FIRST_WATCH_PAUSE
    while True:
        left = None if deadline is None else max(0.001, deadline - time.monotonic())
        stream = open_stream(left)
        try:
            for response in stream:
                pause = FIRST_WATCH_PAUSE
                yield response
            return
        except grpc.RpcError as error:
            if not is_unavailable(error) or deadline is not None and time.monotonic() + pause >= deadline:
                raise from_rpc(error) from None
        finally:
            stream.cancel()
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_WATCH_PAUSE)
