"""OpenAI as a provider. One paid job per label: found before it is created, looked for when in doubt."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import openai
from pydantic import BaseModel, Field

from errors import Refused, Unavailable
from providers import Notice, hosted, tokens
from providers.catalogue import Base, bases, find
from providers.format import converted, examined, findings
from providers.holdout import answers
from providers.hosted import HostedOptions, Leftover, options_of
from providers.openai import chat, leftovers, results, webhooks
from providers.openai.dataset import FORMAT
from providers.openai.faults import is_missing
from providers.openai.files import Files
from providers.openai.jobs import DATA, LABEL, Jobs, billed_of, model_of, progress
from providers.openai.offer import Offer
from providers.openai.service import URL, connected
from providers.openai.uploads import PART_BYTES, Uploads
from providers.patience import ONCE, PATIENT, Patience
from providers.training_file import lines, written
from records import (
    Answer,
    ChatOptions,
    Dataset,
    Event,
    Example,
    Finding,
    Outcome,
    Piece,
    Price,
    Progress,
    Recipe,
    TokenCount,
    Turn,
)

TIMEOUT_SECONDS = 120.0
SUFFIX_LENGTH = 64


class Options(HostedOptions):
    batch_size: int | None = Field(None, ge=1, le=256, title="Batch size", description="none: OpenAI chooses")
    training_type: str | None = Field(
        None, title="Training type", description="Azure only: Standard, GlobalStandard or Developer"
    )


class OpenAI:
    """`base_url` may name another service of the same protocol; `home` keeps notes of unfinished uploads;
    `max_cost` is the limit of jobs that name none."""

    name: ClassVar[str] = "openai"
    Options: ClassVar[type[BaseModel]] = Options
    resumes: ClassVar[bool] = False
    chats_with: ClassVar[frozenset[str]] = chat.PASSED_ON

    def __init__(
        self,
        api_key: str = "",
        base_url: str = "",
        home: Path | None = None,
        bases_file: Path | None = None,
        max_cost: float | None = None,
        patience: Patience = PATIENT,
        today: hosted.Today = hosted.today,
        part_bytes: int = PART_BYTES,
        timeout: float = TIMEOUT_SECONDS,
    ):
        self.api_key, self.base_url, self.home, self.bases_file = api_key, base_url, home, bases_file
        self.patience, self.today, self.part_bytes, self.timeout = patience, today, part_bytes, timeout
        self.max_cost = max_cost

    @cached_property
    def count(self) -> tokens.Count:
        """Loaded when something is counted: the vocabulary takes a second."""
        return tokens.o200k() or tokens.estimated

    @cached_property
    def client(self) -> openai.OpenAI:
        """Raises NotConfigured without a key. `patience` repeats requests, the client never does."""
        return connected(self.api_key, self.base_url, self.timeout)

    @cached_property
    def jobs(self) -> Jobs:
        return Jobs(self.client, self.patience)

    @cached_property
    def offer(self) -> Offer:
        return Offer(self.client, self.patience)

    @cached_property
    def files(self) -> Files:
        folder = self.home / "uploads" if self.home else None
        return Files(self.client, self.patience, Uploads(self.client, self.patience, folder, self.part_bytes))

    def plan(self, dataset: Dataset, recipe: Recipe) -> Recipe:
        return recipe if recipe.epochs else recipe.but(epochs=hosted.epochs_for(dataset))

    def base(self, base_model: str) -> Base:
        """The catalogue's entry, with OpenAI's own shutdown date where it names one."""
        base = find(base_model, self.bases_file)
        try:
            return base.with_shutdown(self.offer.shutdown(base_model))
        except Refused:
            hosted.refuse_closed(base, self.today())
            raise

    def greet(self) -> str:
        return f"{self.base_url or URL} takes the key and offers {self.offer.size()} models."

    def shutdowns(self) -> dict[str, date]:
        """The days on which OpenAI shuts models down, where it names any."""
        return self.offer.shutdowns()

    def price(self, dataset: Dataset, recipe: Recipe) -> Price | None:
        """An estimate, of the training examples as they are now."""
        base = find(recipe.base_model, self.bases_file)
        return examined(FORMAT, dataset, self.plan(dataset, recipe), base, self.count)[1]

    def admit(self, recipe: Recipe) -> None:
        """Raises NotConfigured, and Refused for a base that is closed or dying."""
        self._admitted(recipe)

    def _admitted(self, recipe: Recipe) -> tuple[HostedOptions, Base]:
        options = options_of(recipe, Options)
        if not self.api_key:
            hosted.refuse_closed(find(recipe.base_model, self.bases_file), self.today())
        base = self.base(recipe.base_model)
        self._refuse(base, options)
        return options, base

    def check(self, dataset: Dataset, recipe: Recipe) -> list[Finding]:
        """Raises what `admit` does, and Refused for too high a cost."""
        options, base = self._admitted(recipe)
        survey, estimate = examined(FORMAT, dataset, self.plan(dataset, recipe), base, self.count)
        hosted.refuse_dear(estimate, options.max_cost or self.max_cost, base)
        found = [
            *findings(FORMAT, survey, base, dataset),
            *hosted.retirement_finding(base),
            *self._notes(recipe),
        ]
        return [hosted.price_finding(estimate, base), *found]

    def _refuse(self, base: Base, options: HostedOptions) -> None:
        hosted.refuse_closed(base, self.today())
        hosted.refuse_dying(base, self.today(), options.accept_retirement)

    def _notes(self, recipe: Recipe) -> Iterator[Finding]:
        if self.count is tokens.estimated:
            yield Finding(
                rule="token estimate",
                severity="info",
                message="Tokens are estimated from the length of the text.",
                hint="Install the package bpe-openai to count them exactly.",
            )
        if recipe.rank:
            yield Finding(
                rule="ignored", severity="warning", message="OpenAI takes no rank; the setting is ignored."
            )

    def measure(self, base_model: str, examples: Iterable[Example]) -> Iterator[TokenCount]:
        limit = find(base_model, self.bases_file).example_tokens
        return tokens.measured_all(examples, self.count, limit)

    def start(self, dataset: Dataset, recipe: Recipe, label: str) -> str:
        return self.order(dataset, recipe, label, buying=lambda: None)

    def order(self, dataset: Dataset, recipe: Recipe, label: str, buying: Callable[[], None]) -> str:
        if found := self.find(label):
            return found
        options = options_of(recipe, Options)
        self._refuse(self.base(recipe.base_model), options)
        if limit := options.max_cost or self.max_cost:
            base = find(recipe.base_model, self.bases_file)
            hosted.refuse_dear(self.price(dataset, recipe), limit, base)
        with written(converted(FORMAT, lines(dataset.train_uri))) as file:
            training_file, sha256 = self.files.put(file), file.sha256
        request = _request(recipe, options, training_file, label)
        request["metadata"][DATA] = sha256
        buying()
        return self.jobs.create_once(label, request)

    def find(self, label: str) -> str | None:
        return self.jobs.find(label)

    def poll(self, remote_id: str) -> Progress:
        """A job that OpenAI does not know has failed."""
        return hosted.seen(
            lambda: progress(self.jobs.get(remote_id), lambda: self._recent(remote_id)), is_missing
        )

    def poll_all(self, remote_ids: Collection[str]) -> dict[str, Progress]:
        """All of them for one request per hundred jobs, without metrics of the training.

        A job whose own question fails in passing is left out; one that OpenAI does not know has failed.
        """
        found = self.jobs.listed(remote_ids)
        return hosted.polled(remote_ids, lambda id: progress(found.get(id) or self.jobs.get(id)), is_missing)

    def _recent(self, remote_id: str) -> list[Event]:
        try:
            return self.jobs.events(remote_id, pages=1)
        except (Unavailable, Refused):
            return []

    def events(self, remote_id: str) -> list[Event]:
        return self.jobs.events(remote_id)

    def checkpoints(self, remote_id: str) -> list[results.Checkpoint]:
        return self.patience(lambda: results.checkpoints(self.client, remote_id))

    def cancel(self, remote_id: str) -> None:
        if remote_id:
            self.jobs.cancel(remote_id)

    def outcome(self, remote_id: str) -> Outcome:
        """Raises Unavailable while OpenAI has not named the model."""
        job = self._made(remote_id)
        return Outcome(
            reference=job.fine_tuned_model,
            base_name=job.model or "",
            metrics=results.metrics(self.client, job) | billed_of(job),
        )

    def _made(self, remote_id: str) -> Any:
        job = self.jobs.get(remote_id)
        if not model_of(job):
            raise Unavailable("OpenAI has not named the tuned model yet.", "Ask again in a minute.")
        return job

    def answers(self, remote_id: str, dataset: Dataset, recipe: Recipe) -> list[Answer]:
        tuned = self._made(remote_id).fine_tuned_model
        limit = options_of(recipe, Options).evaluate_on
        ask = self._ask
        holdout = lines(dataset.holdout_uri)
        return answers(holdout, limit, recipe.base_model, tuned, ask, self.count, self.patience)

    def _ask(self, model: str, messages: Sequence[Turn], options: ChatOptions) -> Iterator[Piece]:
        return chat.stream(self.client, ONCE, model, messages, options, self.count)

    def chat(
        self, base_model: str, reference: str, messages: Sequence[Turn], options: ChatOptions
    ) -> Iterator[Piece]:
        """Raises Refused for a model that is gone, with the date of its base's end where one is known."""
        try:
            yield from chat.stream(self.client, self.patience, reference, messages, options, self.count)
        except Refused as error:
            if is_missing(error):
                base = bases(self.bases_file).get(base_model)
                raise hosted.gone("OpenAI", reference, base, self.today(), error) from error
            raise

    def leftovers(self, labels: Collection[str]) -> dict[str, list[Leftover]]:
        """What is at OpenAI of the jobs of those labels."""
        return leftovers.of_labels(self.client, self.jobs, labels)

    def notice(self, body: bytes, headers: Mapping[str, str], secret: str) -> Notice:
        """What a webhook of OpenAI's says, see `webhooks.opened`."""
        return webhooks.opened(body, headers, secret)

    def orphans(self, age: timedelta = hosted.ORPHANED) -> list[Leftover]:
        """Files of Luthier's that are so old and belong to no job."""
        return leftovers.without_job(self.jobs, self.files, age)

    def remove(self, leftover: Leftover) -> None:
        leftovers.remove(self.client, self.jobs, leftover)


def _request(recipe: Recipe, options: Options, training_file: str, label: str) -> dict[str, Any]:
    """The body of the job's creation. Without a suffix, the label's end makes one for the model's name."""
    wanted: dict[str, int | float | Literal["auto"]] = {"n_epochs": recipe.epochs or "auto"}
    if recipe.learning_rate:
        wanted["learning_rate_multiplier"] = recipe.learning_rate
    if options.batch_size:
        wanted["batch_size"] = options.batch_size
    # a field of Azure's that the SDK has no argument for
    more = {"extra_body": {"trainingType": options.training_type}} if options.training_type else {}
    return {
        **more,
        "model": recipe.base_model,
        "training_file": training_file,
        "suffix": (recipe.suffix or f"luthier-{label[-8:]}")[:SUFFIX_LENGTH],
        "seed": recipe.seed,
        "metadata": {LABEL: label},
        "method": {"type": "supervised", "supervised": {"hyperparameters": wanted}},
    }
