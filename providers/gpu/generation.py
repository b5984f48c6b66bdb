"""A chat with a base model or an adapter: one answer, as a stream."""

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch

from errors import NotConfigured, Refused
from providers.gpu import bases, device
from providers.gpu.options import Options
from providers.gpu.template import Template
from records import ChatOptions, Message, Usage

UNFINISHED = "\ufffd"  # what an incomplete UTF-8 sequence decodes to
_loading = threading.Lock()


class Speaker:
    """A loaded model with the template it is spoken to in."""

    def __init__(self, model: Any, template: Template):
        self.model, self.template = model, template
        eos = model.generation_config.eos_token_id
        more = [] if eos is None else eos if isinstance(eos, list) else [eos]
        self.end_ids = template.end_ids | set(more)
        self.context: int = model.config.get_text_config().max_position_embeddings

    def stream(self, messages: Sequence[Message], options: ChatOptions) -> Iterator[str | Usage]:
        """Pieces of the answer, then the usage. Raises Refused if the dialogue is longer than the context."""
        prompt = self.template.prompt(messages)
        room = self.context - len(prompt)
        if room < 1:
            raise Refused(
                f"The conversation has {len(prompt)} tokens; the model reads at most {self.context} at once.",
                "Start a new conversation, or send fewer of the earlier messages.",
            )
        answer: list[int] = []
        said = ""
        ended = False
        for token in self._tokens(prompt, options, min(options.max_tokens, room)):
            answer.append(token)
            ended = token in self.end_ids
            text = self.template.text(answer[:-1] if ended else answer)
            if (stop := _first(text, options.stop)) is not None:
                text, ended = text[:stop], True
            ready = text if ended else text[: len(text) - _withheld(text, options.stop)]
            if len(ready) > len(said):
                yield ready[len(said) :]
                said = ready
            if ended:
                break
        if not ended and (rest := self.template.text(answer)[len(said) :]):
            yield rest
        reason: Literal["stop", "length"] = "stop" if ended else "length"
        yield Usage(prompt_tokens=len(prompt), completion_tokens=len(answer), finish_reason=reason)

    def _tokens(self, prompt: list[int], options: ChatOptions, count: int) -> Iterator[int]:
        choose = _sampler(options)
        known = None
        fresh = torch.tensor([prompt], device=self.model.device)
        for _ in range(count):
            # inference mode belongs to the thread, and a generator's body may continue in another one
            with torch.inference_mode():
                out = self.model(input_ids=fresh, past_key_values=known, use_cache=True, logits_to_keep=1)
                token = choose(out.logits[0, -1])
            yield token
            known = out.past_key_values
            fresh = torch.tensor([[token]], device=self.model.device)


def _first(text: str, stops: Sequence[str]) -> int | None:
    """Where the earliest of the stop strings begins."""
    return min((at for stop in stops if stop and (at := text.find(stop)) >= 0), default=None)


def _withheld(text: str, stops: Sequence[str]) -> int:
    """Characters at the end that can't be shown yet: half a character, or what may become a stop string."""
    if text.endswith(UNFINISHED):
        return len(text) - len(text.rstrip(UNFINISHED))
    return max(
        (n for stop in stops for n in range(1, len(stop)) if text.endswith(stop[:n])),
        default=0,
    )


def _sampler(options: ChatOptions) -> Callable[[torch.Tensor], int]:
    """Greedy at temperature 0; else from the likeliest tokens that make up `top_p` of the probability."""
    if options.temperature == 0:
        return lambda logits: int(logits.argmax())
    generator = torch.Generator()
    if options.seed is None:
        generator.seed()
    else:
        generator.manual_seed(options.seed)

    def draw(logits: torch.Tensor) -> int:
        likely, tokens = torch.softmax(logits.float().cpu() / options.temperature, -1).sort(descending=True)
        # the first token always stays
        likely[1:][likely.cumsum(-1)[:-1] >= options.top_p] = 0
        return int(tokens[torch.multinomial(likely, 1, generator=generator)])

    return draw


def speaker(base_model: str, reference: str, home: Path) -> Speaker:
    """The model for a chat, loaded once per process. `reference` is an adapter's folder, or the base itself.

    Raises NotConfigured if the base or the folder is missing.
    """
    stamp = 0
    if reference != base_model:
        config = Path(reference) / "adapter_config.json"
        if not config.exists():
            raise NotConfigured(
                f"The adapter folder {reference} is gone.",
                "Fetch the model's artefact again (`luthier models download`), or train it again.",
            )
        stamp = config.stat().st_mtime_ns
    with _loading:
        return _load_speaker(base_model, reference, stamp, home)


@lru_cache(2)
def _load_speaker(base_model: str, reference: str, stamp: int, home: Path) -> Speaker:
    base = bases.find(base_model)
    settings = bases.config(base)
    place = device.choose(Options(), settings.get("dtype") or settings.get("torch_dtype"))
    device.settle(place)
    model: Any = bases.load(base, place)
    folder = bases.tokenizer_folder(base, home / "cache")
    if reference != base_model:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, reference).eval()
        folder = Path(reference)
    return Speaker(model, Template(folder))
