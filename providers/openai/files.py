"""Puts a training file at OpenAI once: found again by the hash in its name before anything is sent."""

import logging
from collections.abc import Iterator
from itertools import islice
from typing import Any

import openai

from errors import InvalidData, Refused, Unavailable
from providers.openai.faults import LATER, NOTHING_SAID, mapped, sentence
from providers.openai.uploads import Uploads
from providers.patience import Patience
from providers.training_file import Written

log = logging.getLogger("luthier.openai")

MIME = "application/jsonl"
LARGEST_BYTES = 8 * 1024**3  # the Uploads API's limit
LISTED_PAGES = 10  # of 10,000 files each
UNREAD = ("pending", "processing", "running", "notRunning")
LOOKS, LOOK_SECONDS = 60, 3.0


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
        id = self.patience(lambda: self.find(file.name, file.bytes) or send(file))
        self._await(id)
        return id

    def _await(self, id: str) -> None:
        """Until the service has looked at the file: Azure refuses a job on one that it still reads.

        Raises InvalidData where it rejects the file, Unavailable where it takes too long.
        """
        for _ in range(LOOKS):
            file = self.patience(lambda: self._look(id))
            if file.status == "error":
                said = sentence(file.status_details or NOTHING_SAID)
                raise InvalidData(f"OpenAI rejects the training file: {said}", "Prepare the data again.")
            if file.status not in UNREAD:
                return
            self.patience.sleep(LOOK_SECONDS)
        raise Unavailable(f"The service still reads the training file ({file.status}).", LATER)

    def _look(self, id: str) -> Any:
        with mapped("asking for the training file"):
            return self.client.files.retrieve(id)

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
