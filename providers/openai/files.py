"""Puts a training file at OpenAI once: found again by the hash in its name before anything is sent."""

import logging
from collections.abc import Iterator
from itertools import islice
from typing import Any

import openai

from errors import Refused
from providers.openai.faults import mapped
from providers.openai.uploads import Uploads
from providers.patience import Patience
from providers.training_file import Written

log = logging.getLogger("luthier.openai")

MIME = "application/jsonl"
LARGEST_BYTES = 8 * 1024**3  # the Uploads API's limit
LISTED_PAGES = 10  # of 10,000 files each


class Files:
    def __init__(self, client: openai.OpenAI, patience: Patience, uploads: Uploads):
        self.client, self.patience, self.uploads = client, patience, uploads

    def put(self, file: Written) -> str:
        """The id of the file at OpenAI, found or sent. Large ones go in parts."""
        if file.bytes > LARGEST_BYTES:
            raise Refused(
                f"The training file has {file.bytes:,} bytes; OpenAI takes {LARGEST_BYTES:,} at most.",
                "Use fewer or shorter examples.",
            )
        send = self.uploads.send if file.bytes > self.uploads.part_bytes else self.send
        # looked for again before every attempt: a request that failed may have been stored
        return self.patience(lambda: self.find(file.name, file.bytes) or send(file))

    def find(self, name: str, size: int) -> str | None:
        for found in self.listed():
            if found.filename == name and found.bytes == size and found.status != "error":
                return str(found.id)
        return None

    def listed(self) -> Iterator[Any]:
        """Training files at OpenAI, newest first."""
        with mapped("looking for the training file"):
            pages = self.client.files.list(purpose="fine-tune", order="desc", limit=10_000).iter_pages()
            for page in islice(pages, LISTED_PAGES):
                yield from page.data

    def send(self, file: Written) -> str:
        log.info("Sending the training file (%s bytes) to OpenAI.", f"{file.bytes:,}")
        with mapped("sending the training file"), file.path.open("rb") as content:
            return self.client.files.create(file=(file.name, content, MIME), purpose="fine-tune").id
