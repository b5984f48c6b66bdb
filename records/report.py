"""What is known of a dataset: findings, tokens, prices."""

from typing import Literal

from pydantic import Field

from records.record import Record
from records.sources import FileReport, Source

Severity = Literal["info", "warning", "error"]


class Finding(Record):
    """Something a person should know about the data; an `error` stops the job."""

    rule: str
    severity: Severity
    message: str
    hint: str = ""
    count: int = 1
    sources: tuple[Source, ...] = Field((), description="at most the first twenty")


class TokenCount(Record):
    """Tokens of one example, by the base model's tokenizer and template, after truncation."""

    total: int
    trainable: int
    cut: int = Field(0, description="tokens that the base model's limit cuts off")


class TokenStatistics(Record):
    """Tokens of a dataset: in all, and of its shortest, median and longest example."""

    total: int
    trainable: int
    shortest: int
    median: int
    longest: int
    histogram: tuple[tuple[int, int], ...] = Field(
        (), description="examples of fewer tokens than the first number and no fewer than the one before"
    )


class Price(Record):
    """An estimate: tokens times epochs times the catalogue's price of that date."""

    tokens: int
    usd: float
    per_million: float
    as_of: str


class Quote(Record):
    """What training on a dataset would cost with a base model, at the vendor's usual number of passes."""

    base_model: str
    provider: str
    price: Price


class Report(Record):
    """What came in, what was left out and why, and what is known of the rest. `ok`: it may be trained on."""

    files: tuple[FileReport, ...] = ()
    rows_in: int = 0
    examples: int = 0
    train: int = 0
    holdout: int = 0
    dropped: dict[str, int] = {}
    labels: dict[str, int] = {}
    kind_reason: str = ""
    overlap: float = Field(0.0, description="share of holdout examples with a near-duplicate in train")
    findings: tuple[Finding, ...] = ()
    tokens: TokenStatistics | None = None
    price: Price | None = None
    quotes: tuple[Quote, ...] = Field((), description="of hosted base models, the cheapest first")
    ok: bool = True

    def files_not_used(self, at_most: int = 3) -> str:
        """A sentence that names the first of them, with the reasons; empty if all were used."""
        unused = [f"{file.name} ({file.reason.removesuffix('.')})" for file in self.files if not file.used]
        if not unused:
            return ""
        more = f" and {len(unused) - at_most:,} more" if len(unused) > at_most else ""
        return f"Files not used: {', '.join(unused[:at_most])}{more}."
