# SPDX-License-Identifier: Apache-2.0
"""Messages as plain dicts, in the names and words of `bitsweep sweep export` and `bitsweep sweep results`."""
from __future__ import annotations

import datetime
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from bitsweep._spec import enum_prefix
from bitsweep.v1.hyperparameters_pb2 import Hyperparameters
from bitsweep.v1.sweep_pb2 import Configuration, MetricSummary, Sweep
from bitsweep.v1.transform_pb2 import TransformJob
from bitsweep.v1.trial_pb2 import Trial, TrialResult


def last_part(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _number(name: str) -> int:
    return int(last_part(name))


def _time(time: Timestamp) -> datetime.datetime | None:
    """None when unset."""
    return time.ToDatetime(datetime.timezone.utc) if time.seconds or time.nanos else None


def _enum(number: int, field: Any) -> str | None:
    type_ = field.enum_type
    value = type_.values_by_number.get(number)
    if number == 0 or value is None:
        return None
    word: str = value.name.removeprefix(enum_prefix(type_))
    return word if type_.name in ("State", "FailureReason") else word.lower()


def _single(value: Any, field: Any) -> Any:
    if isinstance(value, Timestamp):
        return _time(value)
    if isinstance(value, Duration):
        return value.seconds + value.nanos / 1e9
    if isinstance(value, Message):
        return message_dict(value)
    return _enum(value, field) if field.enum_type is not None else value


def message_dict(message: Message) -> dict[str, Any]:
    """Every field that is set or cannot be unset, under its own name."""
    fields: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.is_repeated:
            fields[field.name] = [_single(item, field) for item in value]
        elif not field.has_presence or message.HasField(field.name):
            fields[field.name] = _single(value, field)
    return fields


def _columns(message: Hyperparameters | TrialResult, is_there: bool) -> dict[str, Any]:
    fields = message_dict(message) if is_there else {}
    return {f.name: None if fields.get(f.name) == "" else fields.get(f.name) for f in message.DESCRIPTOR.fields}


def trial_row(trial: Trial, epochs: bool) -> dict[str, Any]:
    parts = trial.name.split("/")
    fields = trial.DESCRIPTOR.fields_by_name
    row = {"sweep": parts[1], "trial": _number(trial.name), "configuration": _number(trial.configuration),
           "repeat": trial.repeat, "state": _enum(trial.state, fields["state"]), "seed": trial.seed,
           **_columns(trial.hyperparameters, trial.HasField("hyperparameters")),
           "attempt": trial.attempt, "worker": last_part(trial.worker) or None, "epochs_done": trial.epochs_done,
           "start_time": _time(trial.start_time), "end_time": _time(trial.end_time),
           **_columns(trial.result, trial.HasField("result")),
           "model": last_part(trial.model) or None,
           "failure_reason": _enum(trial.failure_reason, fields["failure_reason"]),
           "failure_message": trial.failure_message or None}
    if epochs:
        row["epoch_points"] = [message_dict(point) for point in trial.epochs]
        row["attempts"] = [message_dict(attempt) for attempt in trial.attempts]
    return row


def _of(summary: MetricSummary, field: str) -> float | None:
    return float(getattr(summary, field)) if summary.HasField(field) else None


def configuration_row(configuration: Configuration, sweep: Sweep) -> dict[str, Any]:
    c = configuration
    values = message_dict(c.hyperparameters)
    return {"configuration": _number(c.name), **{name: values.get(name) for name in sweep.varying},
            "n": c.val_acc.n, "val_acc_mean": _of(c.val_acc, "mean"), "val_acc_sd": _of(c.val_acc, "sd"),
            "train_acc_last_step_mean": _of(c.train_acc_last_step, "mean"), "val_loss_mean": _of(c.val_loss, "mean"),
            "seconds_mean": _of(c.seconds, "mean")}


def job_row(job: TransformJob) -> dict[str, Any]:
    fields = job.DESCRIPTOR.fields_by_name
    metrics = message_dict(job.metrics)
    names = ("accuracy", "original_accuracy", "loss", "flops", "bitops", "size_bits")
    state = _enum(job.state, fields["state"])
    return {"job": _number(job.name), **{value.entry: value.value for value in job.values}, "state": state,
            **{name: metrics.get(name) for name in names}, "seconds": job.seconds if state == "SUCCEEDED" else None,
            "pareto": job.pareto_optimal, "failure_reason": _enum(job.failure_reason, fields["failure_reason"]),
            "failure_message": job.failure_message or None, "model": last_part(job.model) or None}
