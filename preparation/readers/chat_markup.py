"""Dialogues that stand in one text, in the markup of a language model's template: ChatML, Llama, Gemma,
Mistral, and `### Human:` or `Human:` before each turn."""

import re
from typing import Any, NamedTuple

ROLE = r"(?P<role>system|user|human|assistant|model|gpt|tool|ipython)"
TOKENS = re.compile(
    r"<\|(?:im_end|eot_id|end|end_of_text|endoftext|begin_of_text|eom_id)\|>|<end_of_turn>|<(?:bos|eos)>|</?s>"
)
SYSTEM = re.compile(r"^\s*<<SYS>>(.*?)<</SYS>>", re.DOTALL)
OTHER_NAMES = {"instruction": "user", "input": "user", "response": "assistant", "output": "assistant"}


class Markup(NamedTuple):
    """`mark` stands before each turn; `begins` tells that a text is of this kind."""

    begins: re.Pattern[str]
    mark: re.Pattern[str]


def _markup(begins: str, mark: str) -> Markup:
    return Markup(re.compile(begins), re.compile(mark, re.IGNORECASE))


HASHES = (
    r"(?:^|(?<=[\s.!?\"”)>]))#{2,3} "
    r"(?P<role>system|human|user|assistant|instruction|input|response|output):[ \t]*"
)
MARKUPS = (
    _markup(r"<\|im_start\|>", rf"<\|im_start\|>\s*{ROLE}[ \t]*\n?"),
    _markup(r"<\|start_header_id\|>", rf"<\|start_header_id\|>\s*{ROLE}\s*<\|end_header_id\|>"),
    _markup(r"<start_of_turn>", rf"<start_of_turn>\s*{ROLE}[ \t]*\n?"),
    _markup(r"<\|(?:system|user|assistant)\|>", r"<\|(?P<role>system|user|assistant)\|>"),
    # an instruction may have a sentence before it that says what will come
    _markup(r"(?:Below is an? [^#]{0,300})?#{2,3} (?:[Ss]ystem|[Hh]uman|[Uu]ser|[Ii]nstruction):", HASHES),
    _markup(r"Human: ", r"(?:^|(?<=\n))(?P<role>Human|Assistant):[ \t]*"),
)
INSTRUCTED = re.compile(r"\[INST\](?P<user>.*?)\[/INST\](?P<assistant>.*?)(?=\[INST\]|$)", re.DOTALL)


def marked_turns(text: str) -> list[dict[str, Any]] | None:
    """The turns of a text that begins in such a markup, with role and content; None for any other text."""
    plain = text.lstrip()
    if plain[:1] not in ("<", "#", "[", "B", "H"):
        return None
    while match := TOKENS.match(plain):
        plain = plain[match.end() :].lstrip()
    if plain.startswith("[INST]"):
        turns = [
            turn("user" if at % 2 == 0 else "assistant", said)
            for match in INSTRUCTED.finditer(plain)
            for at, said in enumerate((match["user"], match["assistant"]))
        ]
        return _with_system(turns) if any(turn["content"] for turn in turns[1::2]) else None
    markup = next((one for one in MARKUPS if one.begins.match(plain)), None)
    return _split(plain, markup.mark) if markup else None


def _split(text: str, mark: re.Pattern[str]) -> list[dict[str, Any]] | None:
    marks = list(mark.finditer(text))
    ends = [one.start() for one in marks[1:]] + [len(text)]
    turns = [turn(_role(one["role"]), text[one.end() : end]) for one, end in zip(marks, ends, strict=True)]
    roles = {one["role"] for one in turns if one["content"]}
    return turns if "user" in roles and "assistant" in roles else None


def _role(name: str) -> str:
    name = name.casefold()
    name = {"human": "user", "model": "assistant", "gpt": "assistant", "ipython": "tool"}.get(name, name)
    return OTHER_NAMES.get(name, name)


def _with_system(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    match = SYSTEM.match(turns[0]["content"])
    if not match:
        return turns
    first = turns[0]["content"][match.end() :]
    return [turn("system", match[1]), turn("user", first), *turns[1:]]


def turn(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": TOKENS.sub("", content).strip()}
