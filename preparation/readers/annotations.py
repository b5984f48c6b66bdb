"""Tasks of Prodigy: what an annotator accepted is an example, what was rejected or ignored is none."""

from typing import Any

VERDICTS = ("accept", "reject", "ignore")
HASHES = ("_task_hash", "_input_hash")
BESIDE = ("answer", "options", "accept", "config", "tokens")
NOT_ACCEPTED = "an annotation that was not accepted"


def is_task(value: Any) -> bool:
    return isinstance(value, dict) and value.get("answer") in VERDICTS and any(key in value for key in HASHES)


def is_accepted(task: dict[str, Any]) -> bool:
    return bool(task["answer"] == "accept")


def annotated(task: dict[str, Any]) -> dict[str, Any]:
    """The task without Prodigy's own keys, the options that were chosen as its label."""
    found = {key: value for key, value in task.items() if key not in BESIDE and not key.startswith("_")}
    chosen, options = task.get("accept"), task.get("options")
    if isinstance(chosen, list) and chosen:
        known = {
            option["id"]: option.get("text", option["id"])
            for option in (options if isinstance(options, list) else ())
            if isinstance(option, dict) and "id" in option
        }
        found["label"] = [known.get(one, one) for one in chosen if isinstance(one, (str, int))]
    return found
