"""Answers of a teacher by what it was asked, kept in files: asking the same again costs nothing."""

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from preparation.documents.passages import Passage
from preparation.teacher import prompt
from records import content_id


class Reply(NamedTuple):
    """What a teacher answered, and the tokens that it counted."""

    text: str
    prompt_tokens: int
    answer_tokens: int


# instruction, material -> reply; raises our errors
Ask = Callable[[str, str], Reply]


class Question(NamedTuple):
    """One passage to ask about."""

    instruction: str
    material: str

    @classmethod
    def about(cls, passage: Passage, use_case: str) -> "Question":
        return cls(prompt.instruction(use_case, passage), prompt.material(passage))

    @property
    def digest(self) -> str:
        return content_id("question", *self)

    @property
    def tokens(self) -> int:
        """An estimate, rather too many: three bytes a token."""
        return sum(len(part.encode()) // 3 + 8 for part in self)


class Answers:
    """The cache in a local folder, for one model."""

    def __init__(self, folder: str | Path, model: str):
        self.folder, self.model = Path(folder), model

    def _place(self, question: Question) -> Path:
        key = content_id("answer", prompt.VERSION, self.model, *question).removeprefix("answer-")
        return self.folder / key[:2] / f"{key}.json"

    def known(self, question: Question) -> Reply | None:
        with suppress(OSError, ValueError, TypeError):
            return Reply(**json.loads(self._place(question).read_text("utf-8")))
        return None

    def keep(self, question: Question, reply: Reply) -> None:
        """Whole or not at all."""
        place = self._place(question)
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=place.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(reply._asdict(), file, ensure_ascii=False)
        os.replace(part, place)
