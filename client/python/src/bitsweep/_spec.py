# SPDX-License-Identifier: Apache-2.0
"""Specifications as requests: docs/sweep_files.md."""
from __future__ import annotations

import json
import math
import os
import pathlib
import tomllib
from collections.abc import Mapping
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

from bitsweep._errors import BitsweepError, Violation

M = TypeVar("M", bound=Message)


def request_of(spec: Mapping[str, Any] | str | os.PathLike[str] | Message, request: M, resource: str) -> M:
    """Fills the request. `resource` is its field for what is submitted, "sweep".

    A path is a file as the command line takes it; a mapping is the same, or only the resource's own fields.
    """
    if isinstance(spec, Message):
        getattr(request, resource).CopyFrom(spec)
        return request
    if isinstance(spec, Mapping):
        name = "the specification"
        fields = dict(spec) if resource in spec else {resource: dict(spec)}
    else:
        name = os.fspath(spec)
        fields = _read(pathlib.Path(spec))
    problems: list[Violation] = []
    fields = _message(fields, request.DESCRIPTOR, "", problems)
    if problems:
        raise _invalid(f"{name}: not a {resource}", problems)
    try:
        json_format.ParseDict(fields, request)
    except json_format.ParseError as error:
        raise _invalid(f"{name}: {error}") from None
    return request


def _invalid(message: str, problems: list[Violation] | None = None) -> BitsweepError:
    return BitsweepError(message, code="INVALID_ARGUMENT", reason="INVALID_FILE", violations=problems or [])


def _read(path: pathlib.Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix == ".json" or path.suffix != ".toml" and text.lstrip().startswith("{"):
            fields = json.loads(text)
        else:
            fields = tomllib.loads(text)
    except ValueError as error:
        raise _invalid(f"{path}: {error}") from None
    if not isinstance(fields, dict):
        raise _invalid(f"{path}: expected a table")
    return fields


def _message(value: Any, type_: Any, path: str, problems: list[Violation]) -> Any:
    """The value with enum words spelled as protobuf wants them; what the message does not have is noted."""
    if not isinstance(value, Mapping) or type_.full_name.startswith("google.protobuf."):
        return value
    fields: dict[str, Any] = {}
    for key, child in value.items():
        here = f"{path}.{key}" if path else str(key)
        field = type_.fields_by_name.get(key) or type_.fields_by_camelcase_name.get(key)
        if field is None:
            names = ", ".join(f.name for f in type_.fields)
            problems.append(Violation(here, f"no such field: {type_.name} has {names}"))
        elif isinstance(child, (list, tuple)):
            fields[key] = [_value(item, field, f"{here}[{i}]", problems) for i, item in enumerate(child)]
        elif child is not None:
            fields[key] = _value(child, field, here, problems)
    return fields


def _value(value: Any, field: Any, path: str, problems: list[Violation]) -> Any:
    if field.message_type is not None:
        return _message(value, field.message_type, path, problems)
    if field.enum_type is not None:
        return _enum(value, field.enum_type, path, problems)
    if isinstance(value, float) and not math.isfinite(value):
        # As protobuf's JSON writes them: the server says what is wrong with them.
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    # numpy's numbers are Python's.
    return value.item() if hasattr(value, "item") else value


def _enum(value: Any, type_: Any, path: str, problems: list[Violation]) -> Any:
    prefix = enum_prefix(type_)
    if isinstance(value, str):
        for name in (value.upper(), prefix + value.upper()):
            if name in type_.values_by_name:
                return name
    elif isinstance(value, int) and value in type_.values_by_number:
        return value  # a constant of the generated code
    known = ", ".join(v.name.removeprefix(prefix).lower() for v in type_.values[1:])
    problems.append(Violation(path, f"{value!r}: expected one of {known}"))
    return value


def enum_prefix(type_: Any) -> str:
    """`OPTIMIZER_` of Optimizer."""
    first: str = type_.values_by_number[0].name
    return first.removesuffix("UNSPECIFIED")
