"""What becomes an example: a request and an answer, or a whole dialogue, under the use case."""

from dataclasses import dataclass

from records import Message, Source

EMPTY_ANSWER = "empty answer"
EMPTY_QUESTION = "empty question"


@dataclass(frozen=True, slots=True)
class Draft:
    """One example on its way, or why there is none (`refused`). What shares a `section` stays together."""

    sources: tuple[Source, ...]
    asked: str = ""
    answer: str = ""
    turns: tuple[Message, ...] = ()
    system: str = ""
    label: str = ""
    section: tuple[str, ...] = ()
    refused: str = ""
    excerpt: str = ""

    def messages(self, use_case: str) -> tuple[Message, ...]:
        """The use case comes first in every example; the row's own system message goes below it."""
        system = "\n\n".join(part for part in (use_case.strip(), self.system.strip()) if part)
        head = (Message(role="system", content=system),) if system else ()
        if self.turns:
            return (*head, *self.turns)
        return (
            *head,
            Message(role="user", content=self.asked),
            Message(role="assistant", content=self.answer),
        )


def of_dialogue(
    messages: tuple[Message, ...], sources: tuple[Source, ...], section: tuple[str, ...] = ()
) -> Draft:
    """Turns of one speaker in a row become one; what stands before the first question and after the last
    answer goes. A dialogue without an answer to learn from is refused."""
    system = "\n\n".join(
        message.content for message in messages if message.role == "system" and message.content.strip()
    )
    turns = _merged([message for message in messages if message.role != "system"])
    answers = [turn for turn in turns if turn.role == "assistant"]
    excerpt = turns[0].content if turns else ""
    if not answers:
        return Draft(sources, refused="no answer", excerpt=excerpt)
    if not any(turn.content.strip() and turn.weight != 0 for turn in answers):
        return Draft(sources, refused=EMPTY_ANSWER, excerpt=excerpt)
    turns = [turn for turn in turns if turn.content.strip()]
    turns = _merged(turns)
    while turns and turns[0].role == "assistant":
        turns = turns[1:]
    while turns and turns[-1].role == "user":
        turns = turns[:-1]
    if not any(turn.role == "assistant" and turn.weight != 0 for turn in turns):
        return Draft(sources, refused="an answer without a question", excerpt=excerpt)
    return Draft(sources, turns=tuple(turns), system=system, section=section)


def _merged(turns: list[Message]) -> list[Message]:
    """Neighbours of one role joined; of two answers of different weight the later stays."""
    merged: list[Message] = []
    for turn in turns:
        if not merged or merged[-1].role != turn.role:
            merged.append(turn)
        elif (merged[-1].weight == 0) == (turn.weight == 0):
            content = "\n\n".join(part for part in (merged[-1].content, turn.content) if part.strip())
            merged[-1] = merged[-1].model_copy(update={"content": content})
        else:
            merged[-1] = turn
    return merged
