"""Logs for people who don't know the code: no stack of calls where an error says by itself what happened."""

import logging

from errors import LuthierError

RUNS = ("prefect.flow_runs", "prefect.task_runs")


def without_stack(record: logging.LogRecord) -> bool:
    """Keep the record, but of an error of ours only its sentence."""
    if record.exc_info and isinstance(record.exc_info[1], LuthierError):
        record.exc_info = None
    return True


def speak_plainly() -> None:
    for name in RUNS:
        logging.getLogger(name).addFilter(without_stack)
