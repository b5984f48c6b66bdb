"""What OpenAI keeps of a finished job: the table of its metrics, and checkpoints."""

import base64
import binascii
import csv
import io
from math import isfinite
from typing import Any

import openai
from pydantic import Field

from errors import LuthierError
from providers.openai.faults import mapped
from records import Record


class Checkpoint(Record):
    """A model that OpenAI kept along the way; `reference` can be talked to."""

    reference: str
    step: int
    metrics: dict[str, float] = Field({})


def metrics(client: openai.OpenAI, job: Any) -> dict[str, float]:
    """The last value of each column of the job's result file; empty when there is none to be had."""
    found: dict[str, float] = {}
    for file in job.result_files or []:
        try:
            with mapped("fetching the metrics"):
                content = client.files.content(file).content
        except LuthierError:
            continue
        for row in csv.DictReader(io.StringIO(_text(content))):
            found |= {key: number for key, value in row.items() if (number := _number(value)) is not None}
    found.pop("step", None)
    return found


def checkpoints(client: openai.OpenAI, remote_id: str) -> list[Checkpoint]:
    with mapped("asking for the checkpoints"):
        listed = client.fine_tuning.jobs.checkpoints.list(remote_id, limit=100).data or []
    return [
        Checkpoint(
            reference=checkpoint.fine_tuned_model_checkpoint,
            step=checkpoint.step_number,
            metrics={
                key: float(value)
                for key, value in (checkpoint.metrics.to_dict() if checkpoint.metrics else {}).items()
                if isinstance(value, (int, float))
            },
        )
        for checkpoint in listed
    ]


def _text(content: bytes) -> str:
    """OpenAI has served this file both plain and in base64."""
    if b"," not in content:
        try:
            content = base64.b64decode(content, validate=True)
        except binascii.Error:
            return ""
    return content.decode("utf-8", "replace")


def _number(value: Any) -> float | None:
    """None for what is no number; a loss that is none can't be kept as JSON either."""
    try:
        return number if isfinite(number := float(value)) else None
    except (TypeError, ValueError):
        return None
