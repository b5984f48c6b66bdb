"""Who speaks as the assistant in conversations of people: the one who was named, else the one who answers."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from errors import InvalidData
from preparation.conversations.spoken import ANSWERING, ASKING
from records import Finding, Message, Row

ALONE = "a conversation of one person"
WITHOUT = "a conversation in which the assistant does not speak"
OFTEN = (
    0.5  # share of the mail threads that somebody takes part in, if they are to be taken for the assistant
)
SHOWN = 12


@dataclass
class Cast:
    """Filled in a first pass over the rows; then gives their messages the roles. `named` is a sender's name,
    address, or the part of an address before the @, whatever its case."""

    named: str = ""
    conversations: int = 0
    present: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    begun: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        speakers = row.speakers
        if len(set(speakers)) < 2:
            return
        self.conversations += 1
        self.present.update(dict.fromkeys(speakers, 1))
        self.begun[speakers[0]] += 1
        self.answers.update(speaker for before, speaker in pairwise(speakers) if before != speaker)

    def merge(self, other: "Cast") -> None:
        self.conversations += other.conversations
        for name in ("present", "answers", "begun"):
            getattr(self, name).update(getattr(other, name))

    @property
    def assistant(self) -> str:
        """Empty where nobody takes part often enough."""
        if self.named:
            return next((name for name in self.present if is_called(name, self.named)), "")
        if roles := [name for name in self.present if name.casefold() in ANSWERING]:
            return max(roles, key=lambda name: (self.present[name], name))
        ranked = sorted(
            (name for name in self.present if name.casefold() not in ASKING),
            key=lambda name: (-self.present[name], self.begun[name], -self.answers[name], name),
        )
        return ranked[0] if ranked and self.present[ranked[0]] >= OFTEN * self.conversations else ""

    @property
    def voices(self) -> frozenset[str]:
        """All names of the assistant: `Agent` in one conversation may be `Support` in another."""
        roles = {name for name in self.present if name.casefold() in ANSWERING} if not self.named else set()
        return frozenset(roles | {self.assistant})

    def check(self) -> None:
        """Raises InvalidData where the one who was named is nobody of them."""
        if self.named and self.conversations and not self.assistant:
            names = ", ".join(f"“{name}”" for name, _ in self.present.most_common(SHOWN))
            raise InvalidData(
                f"Nobody called '{self.named}' speaks in the conversations.",
                f"Those who speak: {names}. Name one of them by --assistant.",
            )

    def rows(self, row: Row) -> Iterator[Row | str]:
        """The row with roles, or why it is none. Where nobody is the assistant each message is a text."""
        assistant = self.assistant
        if not assistant:
            for speaker, message in zip(row.speakers, row.messages, strict=True):
                # an address would get past redaction
                name = () if "@" in speaker else (speaker,)
                yield Row(source=row.source, text=message.content, heading=(*row.heading, *name)[:1])
            return
        voices = self.voices
        if not voices & set(row.speakers):
            yield WITHOUT
        elif len(set(row.speakers)) < 2:
            yield ALONE
        else:
            messages = tuple(
                Message(role="assistant" if speaker in voices else "user", content=message.content)
                for speaker, message in zip(row.speakers, row.messages, strict=True)
            )
            yield Row(source=row.source, also=row.also, messages=messages)

    def findings(self) -> list[Finding]:
        if not self.conversations:
            return []
        others = [name for name, _ in self.present.most_common(SHOWN) if name != self.assistant]
        hint = f"Name another by --assistant: {', '.join(f'“{name}”' for name in others)}."
        if not self.assistant:
            message = (
                "Nobody takes part in most conversations, so there is no assistant: each message is a text."
            )
            return [Finding(rule="assistant", severity="warning", message=message, hint=hint)]
        why = "as you said" if self.named else f"who takes part in {self.present[self.assistant]:,} of them"
        message = (
            f"In {self.conversations:,} conversation{'s' * (self.conversations > 1)} "
            f"“{self.assistant}” speaks as the assistant, {why}."
        )
        return [
            Finding(rule="assistant", severity="info", message=message, hint=hint, count=self.conversations)
        ]


def is_called(name: str, wanted: str) -> bool:
    """Of `Ann Lee <ann.lee@example.org>` the whole, the name, the address, and what stands before its @."""
    name, wanted = name.casefold().strip(), wanted.casefold().strip()
    called, _, address = name.rstrip(">").rpartition("<")
    return wanted in (name, called.strip() or name, address, address.partition("@")[0])
