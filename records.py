"""The nouns that every part of Luthier shares: frozen, JSON-safe, unknown fields forbidden.

Rows travel between steps as files; only these records travel as values.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Role = Literal["system", "user", "assistant"]
Kind = Literal["chat", "classify", "style", "reference"]
Status = Literal["queued", "validating_files", "in_progress", "succeeded", "failed", "cancelled"]
Severity = Literal["info", "warning", "error"]
Sensitive = Literal[
    "private_key", "api_key", "password", "email", "phone", "iban", "card", "national_id", "ip_address"
]  # fmt: skip
Verdict = Literal["better", "no better", "worse"]

ENDED: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})


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


class Message(Record):
    role: Role
    content: str
    weight: Literal[0, 1] | None = Field(
        None, description="0 leaves an assistant message out of the loss; none means 1"
    )

    @model_validator(mode="after")
    def only_assistants_are_weighted(self) -> Self:
        if self.weight is not None and self.role != "assistant":
            raise ValueError("only assistant messages carry a weight")
        return self


class Source(Record):
    """Where a thing came from. Pages, lines, rows and elements are counted from 1."""

    uri: str
    page: int | None = None
    line: int | None = None
    row: int | None = None
    element: int | None = None

    def __str__(self) -> str:
        places = [
            f"{name} {value}"
            for name in ("page", "line", "row", "element")
            if (value := getattr(self, name)) is not None
        ]
        return ", ".join([self.uri, *places])


class Letter(Record):
    """The head of a mail: who wrote it, and what it answers."""

    number: int = Field(1, description="of the mail in its file, from 1")
    sender: str = Field("", description="the bare address, small letters")
    name: str = ""
    subject: str = Field("", description="without marks of an answer")
    answers: bool = Field(False, description="whether the subject was marked as an answer's")
    id: str = ""
    above: tuple[str, ...] = Field((), description="Message-IDs of what it answers, oldest first")
    at: datetime | None = None


class Thread(Record):
    """What one file of a chat holds of a thread that may go on in others."""

    id: str
    at: datetime | None = Field(None, description="of its first message there")


class Row(Record):
    """One line of a `Rows` file: a dialogue, a record of fields, or a stretch of a document."""

    source: Source
    messages: tuple[Message, ...] = ()
    speakers: tuple[str, ...] = Field(
        (), description="who said each of the messages, where their roles are not yet decided"
    )
    # made anew and not copied: of a million rows that is felt
    fields: dict[str, str] = Field(default_factory=dict)
    text: str = Field("", description="a page or section as Markdown, line breaks kept")
    heading: tuple[str, ...] = Field(
        (), description="the headings above `text`, outermost first; of messages, the passage they came from"
    )
    letter: Letter | None = Field(None, description="of the mail that `text` is of, until threads are joined")
    thread: Thread | None = Field(None, description="that `messages` are of, until threads are joined")
    also: tuple[Source, ...] = Field((), description="where the rest of a joined conversation came from")
    names: dict[str, str] = Field(
        default_factory=dict, description="of the people of a chat, by what its messages call them"
    )

    @model_validator(mode="after")
    def holds_one_thing(self) -> Self:
        if sum(map(bool, (self.messages, self.fields, self.text, self.names))) > 1:
            raise ValueError("a row holds messages, fields, text or names, not several of them")
        if self.speakers and len(self.speakers) != len(self.messages):
            raise ValueError("each message of a conversation has a speaker")
        return self


class Example(Record):
    messages: tuple[Message, ...]
    sources: tuple[Source, ...]
    kind: Kind


class Drop(Record):
    source: Source
    reason: str
    excerpt: str = ""


class Finding(Record):
    """Something a person should know about the data; an `error` stops the job."""

    rule: str
    severity: Severity
    message: str
    hint: str = ""
    count: int = 1
    sources: tuple[Source, ...] = Field((), description="at most the first twenty")


class FileReport(Record):
    """What became of one file. `reason` says why it was not used."""

    uri: str
    name: str = Field(description="path below the source that was given")
    sha256: str = ""
    bytes: int = 0
    rows: int = 0
    used: bool = True
    reason: str = ""
    held: bool = Field(False, description="its examples measure the model; none of them is trained on")


class Rows(Record):
    """A JSONL file of `Row` on its way to a dataset, and what was left out so far (`Drop`)."""

    uri: str
    drops_uri: str
    count: int
    files: tuple[FileReport, ...]
    dropped: dict[str, int] = {}
    findings: tuple[Finding, ...] = ()


class TokenCount(Record):
    """Tokens of one example, by the base model's tokenizer and template, after truncation."""

    total: int
    trainable: int
    cut: int = Field(0, description="tokens that the base model's limit cuts off")


class TokenStatistics(Record):
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


class Dataset(Record):
    """`train_uri` and `holdout_uri` are JSONL, one `{"messages": [...]}` a line; `lineage_uri` tells
    of each line, in the same order with the training lines first, the sources. `system` is the system
    message that the examples share; a chat with the model opens with it."""

    id: str
    use_case: str
    system: str = ""
    kind: Kind
    train_uri: str
    holdout_uri: str
    lineage_uri: str
    drops_uri: str
    report: Report
    created_at: datetime = Field(default_factory=now)


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


class Recipe(Record):
    """How to train. None leaves a value to the provider, which fills it in before the job starts."""

    base_model: str = Field(
        "smollm2-135m",
        title="Base model",
        description="an id that `luthier bases` lists, a hub id or a folder",
    )
    epochs: int | None = Field(
        None,
        ge=1,
        le=50,
        title="Epochs",
        description="how often each example is seen; none: by the data's size",
    )
    learning_rate: float | None = Field(
        None,
        gt=0,
        title="Learning rate",
        description="own hardware: the peak rate; hosted: the vendor's multiplier; none: by the base model",
    )
    rank: int | None = Field(
        None, ge=1, le=512, title="Rank", description="of the LoRA adapter; own hardware"
    )
    seed: int = Field(
        17, ge=0, le=2**31 - 1, title="Seed", description="the same seed and data train the same model"
    )
    suffix: str | None = Field(
        None, min_length=1, max_length=40, title="Suffix", description="in a hosted model's name"
    )
    options: dict[str, Any] = Field({}, title="Options", description="the provider's own options, as JSON")


class Failure(Record):
    """A `LuthierError` as it is kept: `code` is what people see, see errors.py."""

    code: str
    message: str
    hint: str
    transient: bool = Field(False, description="a new attempt may well succeed")


class Progress(Record):
    status: Status
    message: str = ""
    metrics: dict[str, float] = {}
    step: int = 0
    steps: int = 0
    estimated_finish: datetime | None = None
    losses: tuple[tuple[int, float], ...] = Field((), description="(step, loss) of training so far, thinned")
    holdout_losses: tuple[tuple[int, float], ...] = Field((), description="(step, loss) on held-out examples")
    failure: Failure | None = None
    unknown: str | None = Field(None, description="the vendor's word for a state that is not known here")


class Event(Record):
    at: datetime
    level: Severity
    message: str
    metrics: dict[str, float] = {}


# Options that say what a person allows and how a model is measured; they train no other model.
NOT_TRAINED_ON = frozenset({"accept_retirement", "max_cost", "evaluate_on"})


class Job(Record):
    id: str
    name: str
    status: Status = "queued"
    provider: str
    dataset_id: str
    recipe: Recipe
    attempt: int = 1
    remote_id: str | None = None
    progress: Progress | None = None
    failure: Failure | None = None
    resume_at: datetime | None = Field(None, description="its vendor takes no new job before")
    deadline: datetime | None = Field(None, description="a hosted job that has not ended by then is given up")
    estimate: Price | None = Field(None, description="of the cost, made before the job was started")
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)
    finished_at: datetime | None = None

    @property
    def waits(self) -> bool:
        """Whether nothing is to be done before its training ends, or before its vendor takes jobs again."""
        if self.status in ENDED:
            return False
        if self.remote_id is None:
            return self.resume_at is not None and self.resume_at > now()
        return self.progress is None or self.progress.status not in ENDED

    @staticmethod
    def id_for(dataset_id: str, recipe: Recipe, attempt: int) -> str:
        trained = {name: value for name, value in recipe.options.items() if name not in NOT_TRAINED_ON}
        return content_id("job", dataset_id, recipe.but(options=trained).model_dump(mode="json"), attempt)


class Answer(Record):
    """What base and tuned model say to one holdout prompt; losses are nats a token, None if unknown."""

    expected: str
    prompt: str
    base: str
    tuned: str
    base_loss: float | None = None
    tuned_loss: float | None = None
    tokens: int = Field(0, description="tokens that the losses are means of")


class Evaluation(Record):
    """Base against tuned on the holdout. `base` and `tuned` are values of `metric`."""

    metric: Literal["accuracy", "perplexity", "overlap"]
    base: float
    tuned: float
    holdout_examples: int
    verdict: Verdict
    summary: str = Field(description="the verdict as a sentence")
    base_detail: dict[str, float] = {}
    tuned_detail: dict[str, float] = {}
    confusion: dict[str, dict[str, int]] = Field({}, description="expected -> answered by tuned -> count")
    samples: tuple[Answer, ...] = ()


class Outcome(Record):
    """What a provider hands over when a job succeeded."""

    reference: str = Field(description="what the provider calls the model")
    folder: str | None = Field(None, description="files to publish, if the model can be taken home")
    base_name: str = Field("", description="what others call the base, its hub id for instance")
    base_revision: str = ""
    metrics: dict[str, float] = {}


class TunedModel(Record):
    id: str
    display_name: str
    description: str
    provider: str
    base_model: str
    reference: str
    artifact: str | None = None
    job_id: str
    dataset_id: str
    evaluation: Evaluation | None = None
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)


class ChatOptions(Record):
    temperature: float = Field(0.0, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(512, ge=1)
    stop: tuple[str, ...] = ()
    seed: int | None = None
    more: dict[str, Any] = Field({}, description="in OpenAI's words, for providers whose `chats_with` has it")


class ToolCall(Record):
    """A call that the model asks for, or a piece of one: pieces of the same index are joined."""

    index: int = 0
    id: str = ""
    name: str = ""
    arguments: str = Field("", description="JSON")


class ToolRequest(Message):
    """An assistant's message that asks for calls."""

    role: Literal["assistant"] = "assistant"
    calls: tuple[ToolCall, ...]


class ToolResult(Record):
    """What the call of that id gave."""

    role: Literal["tool"] = "tool"
    content: str
    call_id: str


class Usage(Record):
    prompt_tokens: int
    completion_tokens: int
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"] = "stop"


Turn = Message | ToolRequest | ToolResult
Piece = str | ToolCall | Usage
