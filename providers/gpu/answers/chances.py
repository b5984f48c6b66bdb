"""How likely the model held each token of an answer, and which ones it held likelier."""

import re
from functools import cached_property

import torch

from providers.gpu.template import Template
from records import Chance, TokenChance

LEAST = -9999.0  # what OpenAI writes for what is next to impossible
BYTE = re.compile(r"<0x([0-9A-F]{2})>\Z")


class Chances:
    """`top` is how many of the likeliest are told beside each token."""

    def __init__(self, template: Template, top: int):
        self.template, self.top = template, top

    def of(self, token: int, logits: torch.Tensor) -> TokenChance:
        """`logits` (V,) are the model's own."""
        all_ = torch.log_softmax(logits.float().cpu(), -1)
        likeliest = all_.topk(self.top) if self.top else None
        others = zip(likeliest.indices.tolist(), likeliest.values.tolist(), strict=True) if likeliest else ()
        said = self._chance(token, float(all_[token]))
        return TokenChance(
            **said.model_dump(), top_logprobs=tuple(self._chance(one, chance) for one, chance in others)
        )

    def _chance(self, token: int, logprob: float) -> Chance:
        spelled = self._bytes(token)
        # a part of a character is written by its bytes, as OpenAI does
        text = spelled.decode(errors="backslashreplace")
        return Chance(token=text, logprob=max(logprob, LEAST), bytes=tuple(spelled))

    def _bytes(self, token: int) -> bytes:
        name = self.template.tokenizer.id_to_token(token) or ""
        if token in self._added:
            return name.encode()
        if found := BYTE.match(name):
            return bytes([int(found[1], 16)])
        if self._by_bytes:
            return bytes(BYTES[letter] for letter in name if letter in BYTES)
        return name.replace("▁", " ").encode()

    @cached_property
    def _added(self) -> frozenset[int]:
        return frozenset(self.template.tokenizer.get_added_tokens_decoder())

    @cached_property
    def _by_bytes(self) -> bool:
        """Whether each letter of the vocabulary stands for a byte, as in GPT-2's alphabet."""
        return "ByteLevel" in str(self.template.tokenizer.decoder)


def _alphabet() -> dict[str, int]:
    """GPT-2's: bytes that can be seen stand for themselves, the others for letters from 256 on."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return {chr(byte): byte for byte in seen} | {chr(256 + at): byte for at, byte in enumerate(hidden)}


BYTES = _alphabet()
