"""Sends a large file in parts, and remembers which parts arrived, so that a rerun sends only the rest.

OpenAI lists neither uploads nor parts, so the memory is ours: a note per file, in a folder if given.
"""

import json
import logging
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import openai

from errors import LuthierError, Refused, Unavailable
from providers.openai.faults import mapped
from providers.patience import Patience
from providers.training_file import Written

log = logging.getLogger("luthier.openai")

PART_BYTES = 64 * 1024**2  # the API takes parts up to this size
MARGIN_SECONDS = 60  # an upload expires an hour after it was opened

Note = dict[str, Any]


class Uploads:
    def __init__(
        self,
        client: openai.OpenAI,
        patience: Patience,
        folder: Path | None = None,
        part_bytes: int = PART_BYTES,
    ):
        self.client, self.patience, self.folder, self.part_bytes = client, patience, folder, part_bytes
        self.notes: dict[str, Note] = {}

    def send(self, file: Written) -> str:
        """The id of the file that the parts make. Raises Unavailable if OpenAI lost the upload: then anew."""
        note = self._noted(file) or self._opened(file)
        try:
            with file.path.open("rb") as content:
                content.seek(len(note["parts"]) * self.part_bytes)
                while data := content.read(self.part_bytes):
                    note["parts"].append(self.patience(partial(self._part, note, data)))
                    self._keep(file, note)
            made = self.patience(lambda: self._completed(note))
        except Refused as error:
            self._forget(file)
            raise _lost(error) from error
        self._forget(file)
        if made is None:
            raise _lost(None)
        return made

    def _opened(self, file: Written) -> Note:
        log.info("Sending the training file (%s bytes) to OpenAI in parts.", f"{file.bytes:,}")
        with mapped("opening the upload"):
            opened = self.client.uploads.create(
                bytes=file.bytes, filename=file.name, mime_type="application/jsonl", purpose="fine-tune"
            )
        note = {"upload": opened.id, "expires": opened.expires_at or 0, "size": self.part_bytes, "parts": []}
        self._keep(file, note)
        return note

    def _part(self, note: Note, data: bytes) -> str:
        with mapped("sending a part of the training file"):
            return self.client.uploads.parts.create(note["upload"], data=data).id

    def _completed(self, note: Note) -> str | None:
        with mapped("completing the upload"):
            done = self.client.uploads.complete(note["upload"], part_ids=note["parts"])
        return done.file.id if done.file else None

    def _noted(self, file: Written) -> Note | None:
        """The note of an upload of this file that was begun and can go on."""
        note = self.notes.get(file.sha256)
        if note is None and self.folder:
            with suppress(OSError, ValueError):
                note = json.loads((self.folder / f"{file.sha256}.json").read_text("utf-8"))
        if not note or note["size"] != self.part_bytes or note["expires"] < time.time() + MARGIN_SECONDS:
            return None
        log.info("Going on with an upload of which %s parts arrived.", len(note["parts"]))
        return note

    def _keep(self, file: Written, note: Note) -> None:
        self.notes[file.sha256] = note
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            fresh = self.folder / f"{file.sha256}.new"
            fresh.write_text(json.dumps(note), "utf-8")
            fresh.replace(self.folder / f"{file.sha256}.json")

    def _forget(self, file: Written) -> None:
        self.notes.pop(file.sha256, None)
        if self.folder:
            (self.folder / f"{file.sha256}.json").unlink(missing_ok=True)


def _lost(error: LuthierError | None) -> Unavailable:
    said = error.message if error else "OpenAI made no file of the upload."
    return Unavailable(f"The upload of the training file was lost: {said}", "It is started anew.")
