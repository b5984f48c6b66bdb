"""Files that people and programs hand in, each in a folder of its own under the registry's home."""

import re
import shutil
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from sqlalchemy import select

from errors import InvalidData, NotFound
from records import Record, now
from registry import files
from registry.database import Database
from registry.tables import uploads

LONGEST_NAME = 120
CHUNK = 1 << 20


class Upload(Record):
    """`path` is what becomes a source; its last part is a safe form of `filename`."""

    id: str
    account: str
    filename: str
    purpose: str
    bytes: int
    path: str
    created_at: datetime


class Uploads(Database):
    def keep_upload(
        self, account_id: str, filename: str, content: BinaryIO, purpose: str = "fine-tune"
    ) -> Upload:
        """Copy the content to HOME/uploads/ID/NAME: all or nothing. Raises InvalidData for an empty file."""
        upload_id = f"file-{uuid4().hex[:24]}"
        folder = self.home.absolute() / "uploads" / upload_id
        part = folder.with_name(f".{upload_id}.part")
        try:
            with files.disk(part):
                part.mkdir(parents=True)
                target = part / safe_name(filename)
                with target.open("wb") as sink:
                    shutil.copyfileobj(content, sink, CHUNK)
                    files.sync(sink)
                size = target.stat().st_size
                if not size:
                    raise InvalidData(f"The file '{filename}' is empty.", "Choose a file with content.")
                part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        upload = Upload(
            id=upload_id,
            account=account_id,
            filename=shown_name(filename),
            purpose=purpose,
            bytes=size,
            path=str(folder / target.name),
            created_at=now(),
        )
        with self.writing() as connection:
            connection.execute(uploads.insert().values(**dict(upload)))
        return upload

    def upload(self, account_id: str, upload_id: str) -> Upload:
        """Raises NotFound, also for another account's."""
        query = select(uploads).where(*_of(account_id), uploads.c.id == upload_id)
        with self.reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise NotFound(f"There is no file '{upload_id}'.", "List the files to see their ids.")
        return _upload(row)

    def uploads(self, account_id: str) -> list[Upload]:
        """The newest first."""
        query = select(uploads).where(*_of(account_id)).order_by(uploads.c.created_at.desc(), uploads.c.id)
        with self.reading() as connection:
            return [_upload(row) for row in connection.execute(query).mappings()]

    def delete_upload(self, account_id: str, upload_id: str) -> Upload:
        """Remove the content; what was trained on it stays. Raises NotFound."""
        upload = self.upload(account_id, upload_id)
        with self.writing() as connection:
            connection.execute(uploads.update().where(uploads.c.id == upload.id).values(deleted_at=now()))
        shutil.rmtree(Path(upload.path).parent, ignore_errors=True)
        return upload


def shown_name(filename: str) -> str:
    """The last part of the name, without what can't be printed; a long one loses its middle."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", filename))[-1]
    name = "".join(character for character in last if character.isprintable()).strip() or "file"
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 21]}…{name[-20:]}"


def safe_name(filename: str) -> str:
    """A file name that is harmless in every folder, with its ending kept."""
    kept = re.sub(r"[^\w.\- ()+,=@&'’]+", "_", shown_name(filename)).lstrip(". -")
    kept = kept.replace("…", "_")
    stem, dot, ending = kept.rpartition(".")
    if not dot:
        stem, ending = kept, ""
    stem = stem.encode()[: LONGEST_NAME - 20].decode(errors="ignore") or "file"
    return f"{stem}.{ending[:16]}" if ending else stem


def _of(account_id: str) -> tuple[Any, ...]:
    return (uploads.c.account == account_id, uploads.c.deleted_at.is_(None))


def _upload(row: Any) -> Upload:
    return Upload(**{name: row[name] for name in Upload.model_fields})
