"""A vLLM server as the place where own models answer: adapters are loaded at run time.

The server is started with `--enable-lora` and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, serves the base model
under the name that Luthier knows it by, and sees the same files.
"""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence

import providers
from errors import Refused, Unavailable
from records import ChatOptions, Piece, Turn

LOAD_SECONDS = 120.0


class Vllm:
    """`url` is the server's address, with or without /v1."""

    def __init__(self, url: str, key: str = ""):
        self.url = url.rstrip("/").removesuffix("/v1")
        self.key = key or "none"
        self.provider = providers.get("openai", api_key=self.key, base_url=f"{self.url}/v1")
        self._loaded: set[str] = set()
        self._loading = threading.Lock()

    def chat(
        self, base_model: str, name: str, folder: str, messages: Sequence[Turn], options: ChatOptions
    ) -> Iterator[Piece]:
        """`name` is the adapter in `folder`; without a name the base model answers."""
        known = name in self._loaded
        if name:
            self._load(name, folder)
        try:
            yield from self.provider.chat(base_model, name or base_model, messages, options)
        except Refused:
            if not known:
                raise
            # the server was restarted and forgot its adapters
            self._loaded.discard(name)
            self._load(name, folder)
            yield from self.provider.chat(base_model, name, messages, options)

    def _load(self, name: str, folder: str) -> None:
        with self._loading:
            if name in self._loaded:
                return
            body = json.dumps({"lora_name": name, "lora_path": folder}).encode()
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
            request = urllib.request.Request(f"{self.url}/v1/load_lora_adapter", body, headers)
            try:
                urllib.request.urlopen(request, timeout=LOAD_SECONDS).close()
            except urllib.error.HTTPError as error:
                said = error.read().decode(errors="replace")[:300]
                if "already" not in said:
                    raise Refused(
                        f"vLLM does not load the adapter: {said}.",
                        "Start it with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True.",
                    ) from error
            except OSError as error:
                raise Unavailable(
                    f"The vLLM server at {self.url} can't be reached: {error}.", "Start it, then try again."
                ) from error
            self._loaded.add(name)
