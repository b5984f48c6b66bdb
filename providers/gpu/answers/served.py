"""Hold a server against golden prompts: ours, vLLM, llama.cpp's, Ollama, any that speaks OpenAI's protocol.

Every one is asked the prompts and how many tokens it made of them; vLLM and llama.cpp also say which.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from errors import InvalidData, NotConfigured, NotFound, Refused, Unavailable
from providers.gpu.answers.golden import (
    LONGEST_ANSWER,
    Golden,
    Prompt,
    compared_answer,
    compared_tokens,
    right,
    wrong,
)
from records import Finding

ANSWER_SECONDS = 300.0
# What a template that can think is told everywhere in Luthier, in training and in serving.
QUIET = {"chat_template_kwargs": {"enable_thinking": False}}


class Server:
    """`url` is the server's address, with or without /v1."""

    def __init__(self, url: str, key: str = ""):
        self.root, self.key = url.rstrip("/").removesuffix("/v1"), key

    def models(self) -> list[str]:
        listed = self._ask("/v1/models")
        return [str(model["id"]) for model in listed.get("data") or []]

    def check(self, golden: Golden, model: str) -> list[Finding]:
        """Of each prompt the tokens and the answer. Raises Unavailable, Refused, NotFound."""
        return [finding for prompt in golden.prompts for finding in self._check(prompt, model)]

    def _check(self, prompt: Prompt, model: str) -> list[Finding]:
        messages = [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
        reply = self._answer(model, messages)
        try:
            answer = reply["choices"][0]["message"]["content"] or ""
        except (KeyError, IndexError, TypeError) as error:
            raise InvalidData(
                f"{self.root} answered in another shape than OpenAI's.", "Give the address of its /v1."
            ) from error
        tokens = self._tokens(model, messages)
        if tokens is not None:
            rendered = compared_tokens(prompt, tokens)
        else:
            rendered = counted(prompt, (reply.get("usage") or {}).get("prompt_tokens"))
        return [rendered, compared_answer(prompt, answer)]

    def _answer(self, model: str, messages: list[dict[str, str]]) -> dict[str, Any]:
        body = {"model": model, "messages": messages, "temperature": 0, "max_tokens": LONGEST_ANSWER}
        try:
            return self._ask("/v1/chat/completions", {**body, **QUIET})
        except Refused:
            return self._ask("/v1/chat/completions", body)

    def _tokens(self, model: str, messages: list[dict[str, str]]) -> list[int] | None:
        """The ids that the server makes of the messages; None where it does not tell."""
        try:
            # vLLM; llama.cpp's server has a page of the same name, and finds nothing to tokenize
            asked = {"model": model, "messages": messages, "add_generation_prompt": True}
            if tokens := self._ask("/tokenize", asked | QUIET)["tokens"]:
                return list(map(int, tokens))
            text = self._ask("/apply-template", {"messages": messages, **QUIET})["prompt"]
            asked = {"content": text, "add_special": False, "parse_special": True}
            return list(map(int, self._ask("/tokenize", asked)["tokens"])) or None
        except (Refused, NotFound, InvalidData, KeyError, TypeError, ValueError):
            return None

    def _ask(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.root + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                found = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise self._fault(path, error) from error
        except (OSError, TimeoutError) as error:
            raise Unavailable(
                f"The server at {self.root} can't be reached: {error}.", "Start it, then try again."
            ) from error
        except ValueError as error:
            raise InvalidData(
                f"{self.root}{path} did not answer in JSON.", "Is it the right address?"
            ) from error
        return found if isinstance(found, dict) else {}

    def _fault(self, path: str, error: urllib.error.HTTPError) -> Exception:
        said = " ".join(error.read().decode(errors="replace").split())[:200]
        sentence = f"{self.root}{path} answered {error.code}: {said or error.reason}"
        match error.code:
            case 401 | 403:
                return NotConfigured(sentence, "Give the server's key in the variable that --key-from names.")
            case 404:
                return NotFound(sentence, "Give the name under which it serves the model by --served-as.")
            case 408 | 429 | 500 | 502 | 503 | 504:
                return Unavailable(sentence, "Try again in a while.")
        return Refused(sentence, "See the server's own documentation.")


def counted(prompt: Prompt, tokens: int | None) -> Finding:
    expected = len(prompt.tokens)
    if tokens is None:
        return Finding(
            rule="tokens",
            severity="warning",
            message="The server does not say how many tokens it made of the prompt.",
        )
    if tokens == expected:
        return right("tokens", f"{tokens} tokens, as in the training")
    return wrong("tokens", f"{tokens} tokens where the training had {expected}")
