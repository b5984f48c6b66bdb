"""What all records have in common: frozen, JSON-safe, unknown fields forbidden; and ids from content."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


def content_id(prefix: str, *parts: object) -> str:
    """An id from content: `prefix-` and 16 hex digits of the SHA-256 over the parts' JSON."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def now() -> datetime:
    return datetime.now(UTC)


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def but(self, **changes: Any) -> Self:
        """A checked copy with some fields changed."""
        return type(self).model_validate({**dict(self), **changes})
