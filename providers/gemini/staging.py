"""Puts a training file into Cloud Storage once: created only, under the hash of its bytes."""

import base64
import logging

import google_crc32c
from google.api_core.exceptions import PreconditionFailed
from google.cloud.storage import Blob
from google.cloud.storage.retry import DEFAULT_RETRY

from errors import NotConfigured, Refused
from providers.gemini.access import Access
from providers.training_file import Written

log = logging.getLogger("luthier.gemini")

FOLDER = "luthier"
WHOLE_BYTES = 8 * 1024**2  # the library sends larger files in parts
PART_BYTES = 16 * 1024**2
PARTS = DEFAULT_RETRY.with_delay(initial=1.0, multiplier=2.0, maximum=16.0).with_timeout(60.0)


class Staging:
    """`bucket` may carry a folder: `name/folder`, with or without `gs://`."""

    def __init__(self, access: Access, bucket: str, part_bytes: int = PART_BYTES):
        name, _, folder = bucket.removeprefix("gs://").strip("/").partition("/")
        self.access, self.bucket, self.part_bytes = access, name, part_bytes
        self.prefix = f"{folder}/{FOLDER}" if folder else FOLDER

    def demand(self) -> None:
        """Raises NotConfigured without a bucket."""
        if not self.bucket:
            raise NotConfigured(
                "There is no Cloud Storage bucket to stage the training file in.",
                "Set LUTHIER_GOOGLE_BUCKET to a bucket in the region of the tuning jobs.",
            )

    def put(self, file: Written) -> str:
        """The gs:// URI of the file, found or sent. Safe to repeat and to race: the first one stays."""
        self.demand()
        name, parts = f"{self.prefix}/{file.name}", self.part_bytes
        blob = self.access.storage.bucket(self.bucket).blob(name, chunk_size=parts)
        self.access.asked("staging the training file", lambda: self._sent(blob, file))
        if blob.size != file.bytes or blob.crc32c != _crc32c(file):
            raise Refused(
                f"gs://{self.bucket}/{blob.name} holds other bytes than its name says.",
                "Delete that object, then try again.",
            )
        return f"gs://{self.bucket}/{blob.name}"

    def _sent(self, blob: Blob, file: Written) -> None:
        """Leaves the object's own figures in `blob`."""
        if blob.exists(retry=None):
            blob.reload(retry=None)
            return
        log.info("Staging the training file (%s bytes) in Cloud Storage.", f"{file.bytes:,}")
        try:
            blob.upload_from_filename(
                str(file.path),
                content_type="application/jsonl",
                if_generation_match=0,
                checksum="crc32c",
                timeout=self.access.timeout,
                # a part that fails is sent again by itself; a file that goes in one, by who called
                retry=PARTS if file.bytes > WHOLE_BYTES else None,
            )
        except PreconditionFailed:
            blob.reload(retry=None)  # another worker, or an attempt of ours that seemed to fail

    def listed(self) -> dict[str, Blob]:
        """The staged files by their URIs."""

        def ask() -> dict[str, Blob]:
            blobs = self.access.storage.list_blobs(self.bucket, prefix=f"{self.prefix}/luthier-", retry=None)
            return {f"gs://{self.bucket}/{blob.name}": blob for blob in blobs}

        self.demand()
        return self.access.asked("listing the staged files", ask)

    def delete(self, uri: str) -> None:
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        blob = self.access.storage.bucket(bucket).blob(name)
        self.access.asked("deleting the staged file", lambda: blob.delete(retry=None))


def _crc32c(file: Written) -> str:
    """As Cloud Storage writes it: base64 of the big-endian checksum."""
    checksum = google_crc32c.Checksum()
    with file.path.open("rb") as content:
        for _ in checksum.consume(content, 1 << 20):
            pass
    return base64.b64encode(checksum.digest()).decode()
