"""How a person wants files to become examples."""

from typing import Literal

from pydantic import Field

from records.record import Record

Sensitive = Literal[
    "private_key", "api_key", "password", "email", "phone", "iban", "card", "national_id", "ip_address"
]  # fmt: skip


class Redaction(Record):
    """Which private data is looked for, and what is done where some is found: it is replaced by a
    placeholder, unless its class is named in `drop` or `stop`."""

    only: tuple[Sensitive, ...] = Field((), title="Only", description="look for these; empty: for all")
    allow: tuple[str, ...] = Field(
        (), title="Allow", description="values that stay; * stands for anything, as in *@example.com"
    )
    drop: tuple[Sensitive, ...] = Field((), title="Drop", description="leave the row out that holds one")
    stop: tuple[Sensitive, ...] = Field((), title="Stop", description="stop the job if there is one")


class Teacher(Record):
    """A language model behind an OpenAI-compatible address that writes questions and answers out of
    documents. It is sent redacted passages only, unless redaction is off."""

    url: str = Field(title="Address", description="where its API is, as in http://127.0.0.1:8000/v1")
    model: str = Field(title="Model", description="what the model is called there")
    key: str = Field(
        "LUTHIER_TEACHER_KEY",
        title="Key",
        description="the NAME of the environment variable that holds its key",
    )
    max_calls: int = Field(
        500, ge=1, title="Most calls", description="passages that it is asked about, at most"
    )
    max_cost: float | None = Field(None, gt=0, title="Cost limit", description="US dollars; needs a price")
    price: tuple[float, float] | None = Field(
        None, title="Price", description="US dollars per million tokens that it reads, and that it writes"
    )


class Preparation(Record):
    """How files become examples."""

    kind: Literal["auto", "chat", "classify", "style", "reference"] = Field(
        "auto", title="Kind of examples", description="auto decides from the data, then the use case"
    )
    label: str | None = Field(
        None,
        title="Label column",
        description="the column that holds the label or the answer, if not detected",
    )
    holdout: float = Field(
        0.1, ge=0, le=0.5, title="Holdout", description="share of the examples kept back to measure the model"
    )
    held: tuple[str, ...] = Field(
        (),
        title="Held-out files",
        description="files, folders or URIs whose examples are the holdout, instead of a share of the others",
    )
    near_duplicates: float = Field(
        0.85,
        ge=0.5,
        le=1,
        title="Near duplicates",
        description="rows at least this alike (Jaccard of shingles) are dropped; 1 drops equal rows only",
    )
    redact: bool = Field(
        True,
        title="Redact",
        description="replace keys, addresses, numbers of cards and the like by placeholders",
    )
    assistant: str | None = Field(
        None,
        title="Assistant",
        description="who of the people in chats and mails the model should speak as, if not who answers most",
    )
    teacher: Teacher | None = Field(
        None, title="Teacher", description="a model that writes questions and answers out of documents"
    )
    redaction: Redaction = Field(Redaction(), title="Redaction", description="what is redacted, and how")
    seed: int = Field(17, ge=0, le=2**31 - 1, title="Seed", description="of the split and the order")
