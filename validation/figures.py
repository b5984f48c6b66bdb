"""One row of figures for every example, streamed from the dataset's files into a frame of numbers.

The texts themselves are never held: a million examples take about 60 MB.
"""

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import IO, TYPE_CHECKING, Any

from errors import NotFound
from records import Dataset, Kind, Source, TokenCount

if TYPE_CHECKING:
    from pandas import DataFrame

ROLES = ("system", "user", "assistant")
FIELDS = {"role", "content", "weight"}

# The first thing that is wrong with an example; "" is none.
PROBLEMS = ("", "format", "roles", "last", "empty")


@contextmanager
def opened(uri: str) -> Iterator[IO[bytes]]:
    """A file to read, by path or URI. Raises NotFound."""
    try:
        if "://" not in uri:
            with open(uri, "rb") as file:
                yield file
            return
        import fsspec

        with fsspec.open(uri, "rb") as file:
            yield file
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {uri}.", "Prepare the dataset again.") from error


def problem(row: Any) -> str:
    """What is wrong with one line of a training file: messages are an optional system message, then user and
    assistant in turn, the last from the assistant, none empty; only an assistant's has a weight, 0 or 1."""
    messages = row.get("messages") if isinstance(row, dict) else None
    if not isinstance(messages, list) or not messages or not all(map(_is_message, messages)):
        return "format"
    roles = [message["role"] for message in messages]
    turns = roles[1:] if roles[0] == "system" else roles
    in_turn = all(role == ROLES[1 + place % 2] for place, role in enumerate(turns))
    if not turns or not in_turn:
        return "roles"
    if roles[-1] != "assistant":
        return "last"
    return "" if all(message["content"].strip() for message in messages) else "empty"


def _is_message(message: Any) -> bool:
    if not isinstance(message, dict) or not message.keys() <= FIELDS:
        return False
    if message.get("role") not in ROLES or not isinstance(message.get("content"), str):
        return False
    weight = message.get("weight")
    return weight is None or (message["role"] == "assistant" and weight in (0, 1))


def figures(dataset: Dataset) -> "DataFrame":
    """Columns split, line (from 1), problem, messages, characters, label, seen and label_seen: whether the
    training examples hold this very example, and its label. The training examples come first."""
    import numpy as np
    import pandas as pd

    columns = {name: array(code) for name, code in COLUMNS.items()}
    labels: dict[str, int] = {}
    sizes = []
    for uri in (dataset.train_uri, dataset.holdout_uri):
        before = len(columns["line"])
        with opened(uri) as lines:
            for number, line in enumerate(lines, 1):
                _measure(line, number, dataset.kind, columns, labels)
        sizes.append(len(columns["line"]) - before)
    train = sizes[0]
    frame = pd.DataFrame({name: np.frombuffer(values, values.typecode) for name, values in columns.items()})
    frame["split"] = pd.Categorical.from_codes(np.repeat([0, 1], sizes), pd.Index(["train", "holdout"]))
    frame["problem"] = pd.Categorical.from_codes(frame["problem"].to_numpy(), pd.Index(PROBLEMS))
    frame["seen"] = np.isin(frame["digest"], frame["digest"][:train])
    frame["label_seen"] = np.isin(frame["label"], frame["label"][:train])
    frame["label"] = pd.Categorical.from_codes(frame["label"].to_numpy(), pd.Index(list(labels), dtype=str))
    return frame.drop(columns="digest")


COLUMNS = {"line": "i", "problem": "b", "messages": "i", "characters": "q", "label": "i", "digest": "Q"}


def _measure(
    line: bytes, number: int, kind: Kind, columns: Mapping[str, "array[int]"], labels: dict[str, int]
) -> None:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    found = problem(row)
    messages = row["messages"] if found != "format" else []
    label = messages[-1]["content"].strip() if kind == "classify" and not found else None
    text = "\x00".join(message["role"] + message["content"] for message in messages)
    digest = blake2b(text.encode("utf-8", "surrogatepass") or line, digest_size=8).digest()
    measured = {
        "line": number,
        "problem": PROBLEMS.index(found),
        "messages": len(messages),
        "characters": sum(len(message["content"]) for message in messages),
        "label": -1 if label is None else labels.setdefault(label, len(labels)),
        "digest": int.from_bytes(digest),
    }
    for name, value in measured.items():
        columns[name].append(value)


def with_tokens(frame: "DataFrame", counts: Iterable[TokenCount]) -> "DataFrame":
    """Adds the columns tokens, trainable and cut. Raises ValueError unless there is one count an example."""
    import numpy as np

    columns = {name: array("i") for name in ("tokens", "trainable", "cut")}
    for count in counts:
        columns["tokens"].append(count.total)
        columns["trainable"].append(count.trainable)
        columns["cut"].append(count.cut)
    if len(columns["cut"]) != len(frame):
        raise ValueError(f"{len(columns['cut'])} token counts for {len(frame)} examples")
    return frame.assign(**{name: np.frombuffer(values, "i") for name, values in columns.items()})


def sources_of(dataset: Dataset, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Source]:
    """The first source of each (split, line); the line of our own file where the lineage tells nothing."""
    uris = {"train": dataset.train_uri, "holdout": dataset.holdout_uri}
    found = {place: Source(uri=uris[place[0]], line=place[1]) for place in places}
    if not found:
        return found
    with opened(dataset.lineage_uri) as lines:
        for line in lines:
            entry = json.loads(line)
            place = (entry["split"], entry["line"])
            if place in found and entry["sources"]:
                found[place] = Source(**entry["sources"][0])
    return found
