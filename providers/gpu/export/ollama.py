"""An Ollama Modelfile beside a GGUF file (https://github.com/ollama/ollama/blob/main/docs/modelfile.md).

Ollama has a template language of its own. Where the model's chat template writes turns one after the other,
each between fixed marks, it is told in that language; else Ollama reads it from the GGUF file, as far as it
can.
"""

from collections.abc import Sequence

from errors import InvalidData
from providers.gpu.template import Template
from records import Message, Role

PROBES: tuple[tuple[Role, str], ...] = (
    ("system", "Zeroth probe."),
    ("user", "First probe."),
    ("assistant", "Second probe."),
    ("user", "Third probe."),
)


def modelfile(gguf: str, template: Template, system: str) -> str:
    lines = [f"FROM ./{gguf}"]
    if told := in_go(template):
        lines.append(f'TEMPLATE """{told}"""')
    else:
        lines.append("# The chat template is read from the GGUF file: Ollama's own language can't tell it.")
    if system:
        lines.append(f'SYSTEM """{system.replace(chr(34) * 3, chr(34))}"""')
    lines += ["PARAMETER temperature 0"]
    lines += [f'PARAMETER stop "{token}"' for token in _ends(template)]
    return "\n".join(lines) + "\n"


def _ends(template: Template) -> list[str]:
    return sorted(str(template.tokenizer.id_to_token(token)) for token in template.end_ids)


def in_go(template: Template) -> str | None:
    """The chat template in Ollama's language; None for one that is no plain sequence of turns."""
    messages = [Message(role=role, content=text) for role, text in PROBES]
    try:
        rendered = template.rendered(messages, ask=True)
        first = template.rendered(messages[:2], ask=True)
    except InvalidData:
        return None
    marks = _between(rendered, [text for _, text in PROBES])
    start = _between(first, [text for _, text in PROBES[:2]])
    if marks is None or start is None or "{{" in rendered or '"""' in rendered:
        return None
    before_system, to_user, to_assistant, back, ask = marks
    if start[:2] != marks[:2] or back != to_user:
        return None
    end = _closing(before_system, to_user, to_assistant, ask)
    opens = {
        "system": before_system,
        "user": to_user.removeprefix(end),
        "assistant": to_assistant.removeprefix(end),
    }
    turns = "".join(f'{{{{ if eq .Role "{role}" }}}}{mark}{{{{ end }}}}' for role, mark in opens.items())
    return f"{{{{ range .Messages }}}}{turns}{{{{ .Content }}}}{end}{{{{ end }}}}{ask.removeprefix(end)}"


def _between(text: str, probes: Sequence[str]) -> list[str] | None:
    """What stands before, between and behind the probes."""
    pieces = []
    for probe in probes:
        before, found, text = text.partition(probe)
        if not found:
            return None
        pieces.append(before)
    return [*pieces, text]


def _closing(opening: str, *marks: str) -> str:
    """What closes every turn: the beginning that all marks share, less what already opens the next turn."""
    length = next((i for i, letters in enumerate(zip(*marks, strict=False)) if len(set(letters)) > 1), 0)
    shared = marks[0][:length]
    lead = next(i for i in range(len(shared) + 1) if opening.startswith(shared[i:]))
    return shared[:lead]
