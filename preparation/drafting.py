"""The work that makes examples of clean rows, each with what the split must know of it."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, groupby
from typing import NamedTuple

from preparation import dataset_files, mapping
from preparation.documents import reference, style
from preparation.duplicates import Signed, signed
from preparation.excerpts import excerpt
from preparation.tables import tabular
from preparation.tables.columns import level
from preparation.tables.roles import Roles
from preparation.turns import Draft, of_dialogue
from records import Drop, Kind, Message, Row


class Drafted(NamedTuple):
    """An example and its origin as they are written; hashes of what it asks, of its document and section,
    below 2^63, -1 for none; and by which number it is put in order."""

    line: bytes
    origin: bytes
    uris: tuple[str, ...]
    label: str
    key: int
    prompt: int
    document: int
    section: int


class Batch(NamedTuple):
    """What some rows gave, in order; `signed` is of the examples."""

    items: list[Drop | Drafted]
    signed: Signed


@dataclass
class Drafting:
    """Work. `spellings` are those of labels; `labelled_answers`: whether dialogues' answers are labels."""

    kind: Kind
    system: str
    seed: int
    roles: Mapping[str, Roles]
    spellings: Mapping[str, str]
    labelled_answers: bool

    def __call__(self, lines: Iterable[bytes]) -> Iterator[Batch]:
        for drafts in mapping.batched(self.drafts(map(Row.model_validate_json, lines))):
            items: list[Drop | Drafted] = []
            parts: list[list[str]] = []
            for draft in drafts:
                if draft.refused:
                    short = excerpt(draft.excerpt)
                    items.append(Drop(source=draft.sources[0], reason=draft.refused, excerpt=short))
                else:
                    messages = draft.messages(self.system)
                    items.append(self._drafted(draft, messages))
                    parts.append([self._compared(messages)])
            yield Batch(items, signed(parts))

    def drafts(self, rows: Iterable[Row]) -> Iterator[Draft]:
        for (_, is_text), run in groupby(rows, key=lambda row: (row.source.uri, bool(row.text))):
            if is_text:
                yield from self._of_document(run)
            else:
                yield from chain.from_iterable(map(self._of_row, run))

    def _of_document(self, rows: Iterator[Row]) -> Iterator[Draft]:
        if self.kind == "classify":
            for row in rows:
                yield Draft((row.source,), refused=tabular.NOT_LABELLED, excerpt=row.text)
            return
        yield from (style if self.kind == "style" else reference).drafts(rows)

    def _of_row(self, row: Row) -> Iterator[Draft]:
        if row.fields:
            yield from tabular.drafts(row, self.roles[row.source.uri], self.kind, self.spellings)
            return
        draft = of_dialogue(row.messages, (row.source, *row.also), row.heading)
        if self.kind == "classify" and not draft.refused:
            draft = self._labelled_dialogue(draft)
        yield draft

    def _labelled_dialogue(self, draft: Draft) -> Draft:
        label = self.spellings.get(level(draft.turns[-1].content))
        if label is None or not self.labelled_answers:
            return Draft(draft.sources, refused=tabular.NOT_LABELLED, excerpt=draft.turns[0].content)
        turns = (*draft.turns[:-1], Message(role="assistant", content=label))
        return Draft(draft.sources, turns=turns, system=draft.system, label=label)

    def _drafted(self, draft: Draft, messages: tuple[Message, ...]) -> Drafted:
        line, uri = dataset_files.line_of(messages), draft.sources[0].uri
        uris = tuple(dict.fromkeys(source.uri for source in draft.sources))
        return Drafted(
            line,
            dataset_files.origin_of(draft.sources, draft.label),
            uris,
            draft.label,
            key=dataset_files.seeded_key(line, self.seed),
            prompt=_number(" ".join(_said(messages, "user").casefold().split())),
            document=_number(uri) if draft.section else -1,
            section=_number(uri, *draft.section) if draft.section else -1,
        )

    def _compared(self, messages: tuple[Message, ...]) -> str:
        asked = _said(messages, "user")
        return asked if self.kind == "classify" else f"{asked}\n{_said(messages, 'assistant')}"


def _said(messages: Iterable[Message], role: str) -> str:
    return "\n".join(message.content for message in messages if message.role == role)


def _number(*words: str) -> int:
    digest = hashlib.blake2b("\x00".join(words).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
