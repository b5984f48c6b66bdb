"""What a step's result is kept under, so that a retry of the run, on whatever machine, goes on behind it."""

from typing import Any

from prefect.cache_policies import RUN_ID, TASK_SOURCE, CachePolicy

from records import Job, Record, content_id


def asked_for(_: object, inputs: dict[str, Any]) -> str:
    """The inputs; a job by its id, as the rest of its record changes while it is worked on."""
    return content_id("inputs", {name: _told_apart(value) for name, value in inputs.items()})


def _told_apart(value: Any) -> Any:
    match value:
        case Job():
            return value.id
        case Record():
            return value.model_dump(mode="json")
        case _:
            return value


SAME_RUN = RUN_ID + TASK_SOURCE + CachePolicy.from_cache_key_fn(asked_for)
