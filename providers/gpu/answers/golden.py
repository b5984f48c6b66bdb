"""Golden prompts: what the trained model was asked and said where it was trained, kept with its adapter.

Whoever serves the adapter can be held against them: the same messages must become the same token ids, and
the same words must come back. A model that is good in the trainer and bad where it is served is nearly
always asked in another template.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from errors import InvalidData, LuthierError
from records import Finding, Message, Record

if TYPE_CHECKING:
    from providers.gpu.answers.generation import Speaker
    from providers.gpu.template import Template

FILE = "golden.json"
PROMPTS = 5
LONGEST_PROMPT, LONGEST_ANSWER = 1024, 48
# Between the likeliest and the next token, in logits: bfloat16 and merged weights move one by about 0.1.
SURE = 1.0


class Prompt(Record):
    messages: tuple[Message, ...]
    tokens: tuple[int, ...]
    answer: str
    sure: str  # the beginning of the answer up to the first token that was a close call
    ends: bool = False  # no token was one, the one that ended the answer included

    @property
    def asked(self) -> str:
        return self.messages[-1].content


class Golden(Record):
    template_sha256: str
    prompts: tuple[Prompt, ...]


def template_digest(folder: Path) -> str:
    """Of chat_template.jinja; of nothing, where the template stands in tokenizer_config.json."""
    path = folder / "chat_template.jinja"
    return hashlib.sha256(path.read_bytes() if path.exists() else b"").hexdigest()


def chosen(
    dialogues: Iterable[Sequence[Message]], template: "Template", longest: int = LONGEST_PROMPT
) -> list[tuple[Message, ...]]:
    """The first few different prompts of so many tokens at most, each up to its last answer."""
    found: dict[tuple[Message, ...], None] = {}
    for messages in dialogues:
        asked = tuple(messages[:-1] if messages[-1].role == "assistant" else messages)
        if asked and asked not in found and len(template.prompt(asked)) <= longest:
            found[asked] = None
        if len(found) == PROMPTS:
            break
    return list(found)


def made(speaker: "Speaker", prompts: Iterable[tuple[Message, ...]]) -> Golden:
    answered = []
    for messages in prompts:
        tokens, sure, ends = _answer(speaker, messages)
        text = speaker.template.text
        answered.append(
            Prompt(
                messages=messages,
                tokens=tuple(speaker.template.prompt(messages)),
                answer=text(tokens),
                sure=text(tokens[:sure]),
                ends=ends,
            )
        )
    return Golden(template_sha256=template_digest(speaker.template.folder), prompts=tuple(answered))


def _answer(speaker: "Speaker", messages: Sequence[Message]) -> tuple[list[int], int, bool]:
    """The likeliest tokens without the end token, how many of them come before the first close call, and
    whether the answer surely ends where it does."""
    known: Any = None
    answer: list[int] = []
    sure: int | None = None
    ended = False
    fresh = speaker.template.prompt(messages)
    for _ in range(min(LONGEST_ANSWER, speaker.context - len(fresh))):
        out = speaker.forward([fresh], known)
        best, next_best = out.logits[0, -1].float().topk(2).values.tolist()
        token = int(out.logits[0, -1].argmax())
        if best - next_best < SURE and sure is None:
            sure = len(answer)
        if ended := token in speaker.end_ids:
            break
        answer.append(token)
        known = getattr(out, speaker.past)
        fresh = [token]
    return answer, len(answer) if sure is None else sure, ended and sure is None


def read(folder: Path) -> Golden:
    """Raises InvalidData for an adapter that carries no golden prompts."""
    try:
        golden = Golden.model_validate_json((folder / FILE).read_bytes())
    except FileNotFoundError as error:
        raise InvalidData(
            "The artefact carries no golden prompts.", "It was made by an older Luthier: train it again."
        ) from error
    except ValueError as error:
        raise InvalidData("The artefact's golden.json can't be read.", "Publish the model again.") from error
    return _as_of_today(golden, folder) if golden.template_sha256 == template_digest(folder) else golden


def _as_of_today(golden: Golden, folder: Path) -> Golden:
    """A template that writes the date, as Llama 3's does, makes other tokens every day, on every server."""
    from providers.gpu.template import Template

    path = folder / "chat_template.jinja"
    if not path.exists() or "strftime_now" not in path.read_text("utf-8"):
        return golden
    template = Template(folder)
    prompts = [prompt.but(tokens=tuple(template.prompt(prompt.messages))) for prompt in golden.prompts]
    return golden.but(prompts=tuple(prompts))


def check_files(folder: Path, base_model: str, home: Path) -> list[Finding]:
    """The unpacked artefact against itself: template, token ids, and the answers of base and adapter here."""
    from providers.gpu.answers.speakers import speaker
    from records import ChatOptions, Usage

    golden = read(folder)
    if template_digest(folder) != golden.template_sha256:
        return [wrong("template", "chat_template.jinja is not the one that the model was trained with.")]
    voice = speaker(base_model, str(folder), home)
    findings = []
    for prompt in golden.prompts:
        tokens = tuple(voice.template.prompt(prompt.messages))
        pieces = voice.stream(prompt.messages, ChatOptions(max_tokens=LONGEST_ANSWER))
        answer = "".join(str(piece) for piece in pieces if not isinstance(piece, Usage))
        findings += [compared_tokens(prompt, tokens), compared_answer(prompt, answer)]
    return findings


def compared_tokens(prompt: Prompt, tokens: Sequence[int]) -> Finding:
    if tuple(tokens) == prompt.tokens:
        return right("tokens", f"{len(tokens)} token ids as in the training: {_short(prompt.asked)}")
    at = next(
        (i for i, (a, b) in enumerate(zip(tokens, prompt.tokens, strict=False)) if a != b),
        min(len(tokens), len(prompt.tokens)),
    )
    return wrong(
        "tokens",
        f"{len(tokens)} token ids where the training had {len(prompt.tokens)}, different from token {at} on: "
        f"{_short(prompt.asked)}",
    )


def compared_answer(prompt: Prompt, answer: str) -> Finding:
    """Up to the first close call the words must be the same, and end there if that was none either.

    Blanks around them don't count. A server that goes on behind the end has lost the token that ends answers.
    """
    said, expected = answer.strip(), prompt.sure.strip()
    if not expected and not prompt.ends:
        return Finding(
            rule="answer",
            severity="warning",
            message=f"“{_short(said)}” to {_short(prompt.asked)} can't be compared: "
            "the trained model was not sure of its first word",
        )
    if said == expected or (said.startswith(expected) and not prompt.ends):
        return right("answer", f"“{_short(said)}” to {_short(prompt.asked)}")
    return wrong(
        "answer", f"“{_short(said)}” where the trainer had “{_short(expected)}”, to {_short(prompt.asked)}"
    )


def right(rule: str, message: str) -> Finding:
    return Finding(rule=rule, severity="info", message=message)


def wrong(rule: str, message: str) -> Finding:
    hint = "Serve it with the tokenizer and chat_template.jinja of the artefact, on the base it names."
    return Finding(rule=rule, severity="error", message=message, hint=hint)


def refuse(findings: Sequence[Finding]) -> None:
    """Raises LuthierError if one of them is an error."""
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise LuthierError(f"The model is not served as it was trained: {errors[0].message}.", errors[0].hint)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}…"
