"""Files on their way to a dataset: rows, examples, and the dataset they become."""

from datetime import datetime
from typing import Literal, Self

from pydantic import Field, model_validator

from records.chat import Message
from records.record import Record, now
from records.report import Finding, Report
from records.sources import FileReport, Source

Kind = Literal["chat", "classify", "style", "reference"]


class Letter(Record):
    """The head of a mail: who wrote it, and what it answers."""

    number: int = Field(1, description="of the mail in its file, from 1")
    sender: str = Field("", description="the bare address, small letters")
    name: str = ""
    subject: str = Field("", description="without marks of an answer")
    answers: bool = Field(False, description="whether the subject was marked as an answer's")
    id: str = ""
    above: tuple[str, ...] = Field((), description="Message-IDs of what it answers, oldest first")
    at: datetime | None = None


class Thread(Record):
    """What one file of a chat holds of a thread that may go on in others."""

    id: str
    at: datetime | None = Field(None, description="of its first message there")


class Row(Record):
    """One line of a `Rows` file: a dialogue, a record of fields, or a stretch of a document."""

    source: Source
    messages: tuple[Message, ...] = ()
    speakers: tuple[str, ...] = Field(
        (), description="who said each of the messages, where their roles are not yet decided"
    )
    # made anew and not copied: of a million rows that is felt
    fields: dict[str, str] = Field(default_factory=dict)
    text: str = Field("", description="a page or section as Markdown, line breaks kept")
    heading: tuple[str, ...] = Field(
        (), description="the headings above `text`, outermost first; of messages, the passage they came from"
    )
    letter: Letter | None = Field(None, description="of the mail that `text` is of, until threads are joined")
    thread: Thread | None = Field(None, description="that `messages` are of, until threads are joined")
    also: tuple[Source, ...] = Field((), description="where the rest of a joined conversation came from")
    names: dict[str, str] = Field(
        default_factory=dict, description="of the people of a chat, by what its messages call them"
    )

    @model_validator(mode="after")
    def holds_one_thing(self) -> Self:
        if sum(map(bool, (self.messages, self.fields, self.text, self.names))) > 1:
            raise ValueError("a row holds messages, fields, text or names, not several of them")
        if self.speakers and len(self.speakers) != len(self.messages):
            raise ValueError("each message of a conversation has a speaker")
        return self


class Rows(Record):
    """A JSONL file of `Row` on its way to a dataset, and what was left out so far (`Drop`)."""

    uri: str
    drops_uri: str
    count: int
    files: tuple[FileReport, ...]
    dropped: dict[str, int] = {}
    findings: tuple[Finding, ...] = ()


class Example(Record):
    """One conversation to train on or to measure with."""

    messages: tuple[Message, ...]
    sources: tuple[Source, ...]
    kind: Kind


class Dataset(Record):
    """`train_uri` and `holdout_uri` are JSONL, one `{"messages": [...]}` a line; `lineage_uri` tells
    of each line, in the same order with the training lines first, the sources. `system` is the system
    message that the examples share; a chat with the model opens with it."""

    id: str
    use_case: str
    system: str = ""
    kind: Kind
    train_uri: str
    holdout_uri: str
    lineage_uri: str
    drops_uri: str
    report: Report
    created_at: datetime = Field(default_factory=now)
