"""One vendor a file. `get` makes a provider from plain arguments; its SDK is loaded only then."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel

from errors import NotConfigured
from records import (
    Answer,
    ChatOptions,
    Dataset,
    Event,
    Example,
    Finding,
    Outcome,
    Piece,
    Progress,
    Recipe,
    Teacher,
    TokenCount,
    Turn,
)

if TYPE_CHECKING:
    from providers.openai.teacher import Endpoint

OWN_HARDWARE = "gpu"
HOMES = {
    "gpu": "providers.gpu.provider:Gpu",
    "openai": "providers.openai.provider:OpenAI",
    "gemini": "providers.gemini.provider:Gemini",
}


# what people read, on pages as in the terminal; GPU is own hardware, be it a processor's
TITLES = {"gpu": "GPU", "openai": "OpenAI", "gemini": "Gemini"}


class Provider(Protocol):
    """What a vendor offers. Synchronous; reads no environment, touches no registry; raises our errors."""

    name: ClassVar[str]
    Options: ClassVar[type[BaseModel]]
    resumes: ClassVar[bool]  # `start` under the same label goes on with a job that stopped
    chats_with: ClassVar[frozenset[str]]  # parameters of OpenAI's chat that `ChatOptions.more` may hold

    def admit(self, recipe: Recipe) -> None:
        """Raises what can be said against the recipe before there is a dataset."""

    def plan(self, dataset: Dataset, recipe: Recipe) -> Recipe:
        """The recipe with the defaults filled in that depend on the data."""

    def check(self, dataset: Dataset, recipe: Recipe) -> list[Finding]:
        """Everything that can be known before money or hours are spent."""

    def measure(self, base_model: str, examples: Iterable[Example]) -> Iterator[TokenCount]:
        """Tokens of each example, in order, by the base model's own tokenizer and template."""

    def start(self, dataset: Dataset, recipe: Recipe, label: str) -> str:
        """Start the job, or go on with it; returns the vendor's id of it."""

    def find(self, label: str) -> str | None:
        """The vendor's id of a job that was started under this label."""

    def poll(self, remote_id: str) -> Progress: ...

    def poll_all(self, remote_ids: Collection[str]) -> dict[str, Progress]:
        """The progress of many jobs for few requests. One that can't be asked for now is left out."""

    def events(self, remote_id: str) -> list[Event]: ...

    def cancel(self, remote_id: str) -> None: ...

    def outcome(self, remote_id: str) -> Outcome:
        """What a succeeded job made."""

    def answers(self, remote_id: str, dataset: Dataset, recipe: Recipe) -> list[Answer]:
        """Base and tuned model on the holdout, same prompts."""

    def chat(
        self, base_model: str, reference: str, messages: Sequence[Turn], options: ChatOptions
    ) -> Iterator[Piece]:
        """Pieces of the answer, then the usage."""


@runtime_checkable
class Sells(Provider, Protocol):
    """A provider whose jobs are paid for."""

    def order(self, dataset: Dataset, recipe: Recipe, label: str, buying: Callable[[], None]) -> str:
        """As `start`; `buying` is called right before the one request that buys.

        Raises hosted.Doubtful where that one may have been heeded all the same.
        """


@runtime_checkable
class AsksRivals(Protocol):
    """A provider that can have another of its models answer a job's holdout for nothing but time."""

    def rival_answers(self, remote_id: str, base_model: str, reference: str) -> list[Answer]:
        """The job's answers with those of the other model, on the same questions, as `base`."""


class Notice(NamedTuple):
    """A signed notice from a vendor: its own id, and the vendor's id of the job that it tells of, if any."""

    id: str
    job: str | None


class TellsByWebhook(Protocol):
    def notice(self, body: bytes, headers: Mapping[str, str], secret: str) -> Notice:
        """Raises Refused for a wrong signature, InvalidData for what is old or can't be read."""


def is_hosted(name: str) -> bool:
    """Whether jobs of that provider run on somebody else's machines."""
    return name != OWN_HARDWARE


@runtime_checkable
class NamesShutdowns(Protocol):
    """A provider whose vendor says by its API when models are shut down."""

    def shutdowns(self) -> dict[str, date]:
        """The days that the vendor names, by model."""


@runtime_checkable
class Greets(Protocol):
    """A provider that can say whether it would take a job."""

    def greet(self) -> str:
        """What answers, after one cheap question. Raises NotConfigured, Refused or Unavailable."""


def get(name: str, **arguments: Any) -> Provider:
    """Raises NotConfigured for a provider that is gone or whose library is missing."""
    if name not in HOMES:
        raise NotConfigured(
            f"The provider '{name}' is no longer available.",
            "Its models stay listed; train the dataset again on another base (`luthier bases`).",
        )
    module, _, attribute = HOMES[name].partition(":")
    try:
        provider: type[Provider] = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise NotConfigured(
            f"The provider '{name}' needs the Python package '{error.name}'.",
            f"Install it: pip install -e '.[{name}]'.",
        ) from error
    return provider(**arguments)


def teacher(described: Teacher, key: str) -> "Endpoint":
    """What asks a teacher. Raises NotConfigured where the client library is missing."""
    try:
        from providers.openai.teacher import Endpoint
    except ModuleNotFoundError as error:
        raise NotConfigured(
            f"A teacher needs the Python package '{error.name}'.", "Install it: pip install -e '.[openai]'."
        ) from error
    return Endpoint(described, key)
