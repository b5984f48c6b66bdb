"""Gemini as a provider, in Google Cloud. One paid job per label: found before it is created."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from google.auth.credentials import Credentials
from google.genai.types import AdapterSize, CreateTuningJobConfig
from pydantic import BaseModel, Field

from errors import Refused, Unavailable
from providers import hosted, tokens
from providers.catalogue import Base, bases, find
from providers.format import converted, examined, findings
from providers.gemini import chat, jobs, leftovers, tools
from providers.gemini.access import TIMEOUT_SECONDS, Access
from providers.gemini.dataset import FORMAT
from providers.gemini.faults import is_missing
from providers.gemini.staging import Staging
from providers.holdout import answers
from providers.hosted import HostedOptions, Leftover, options_of
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

RANKS = {
    1: AdapterSize.ADAPTER_SIZE_ONE,
    2: AdapterSize.ADAPTER_SIZE_TWO,
    4: AdapterSize.ADAPTER_SIZE_FOUR,
    8: AdapterSize.ADAPTER_SIZE_EIGHT,
    16: AdapterSize.ADAPTER_SIZE_SIXTEEN,
}
NAME_LENGTH = 128


class Options(HostedOptions):
    checkpoints: bool = Field(
        False,
        title="Checkpoints",
        description="keep the model of every epoch, each with its endpoint",
    )


class Gemini:
    """`endpoint` and `storage_endpoint` replace Google's hosts; no credentials: the application-default;
    `max_cost` is the limit of jobs that name none."""

    name: ClassVar[str] = "gemini"
    Options: ClassVar[type[BaseModel]] = Options
    resumes: ClassVar[bool] = False
    chats_with: ClassVar[frozenset[str]] = tools.PASSED_ON

    def __init__(
        self,
        project: str = "",
        location: str = "",
        bucket: str = "",
        credentials: Credentials | None = None,
        endpoint: str = "",
        storage_endpoint: str = "",
        bases_file: Path | None = None,
        max_cost: float | None = None,
        patience: Patience = PATIENT,
        today: hosted.Today = hosted.today,
        timeout: float = TIMEOUT_SECONDS,
    ):
        self.bases_file, self.patience, self.today = bases_file, patience, today
        self.access = Access(project, location, credentials, endpoint, storage_endpoint, patience, timeout)
        self.staging = Staging(self.access, bucket)
        self.count, self.max_cost = tokens.estimated, max_cost

    @cached_property
    def jobs(self) -> jobs.Jobs:
        return jobs.Jobs(self.access)

    def greet(self) -> str:
        self.access.demand()
        self.staging.demand()
        jobs, staged = self.jobs.newest(), self.staging.listed()
        place = f"{self.access.project} in {self.access.location}"
        return f"{place} takes the credentials; {len(jobs)} recent jobs, {len(staged)} staged files."

    def plan(self, dataset: Dataset, recipe: Recipe) -> Recipe:
        return recipe if recipe.epochs else recipe.but(epochs=hosted.epochs_for(dataset))

    def price(self, dataset: Dataset, recipe: Recipe) -> Price | None:
        """An estimate, of the training examples as they are now."""
        base = find(recipe.base_model, self.bases_file)
        return examined(FORMAT, dataset, self.plan(dataset, recipe), base, self.count)[1]

    def admit(self, recipe: Recipe) -> None:
        """Raises Refused for a base that is closed or dying, and NotConfigured."""
        options, base = options_of(recipe, Options), find(recipe.base_model, self.bases_file)
        self._refuse(base, recipe, options)
        self.access.demand()
        self.staging.demand()
        _ = self.access.credentials

    def check(self, dataset: Dataset, recipe: Recipe) -> list[Finding]:
        """Raises what `admit` does, and Refused for too high a cost."""
        self.admit(recipe)
        options, base = options_of(recipe, Options), find(recipe.base_model, self.bases_file)
        survey, estimate = examined(FORMAT, dataset, self.plan(dataset, recipe), base, self.count)
        hosted.refuse_dear(estimate, options.max_cost or self.max_cost, base)
        return [
            hosted.price_finding(estimate, base),
            *findings(FORMAT, survey, base, dataset),
            *hosted.retirement_finding(base),
            Finding(
                rule="token estimate",
                severity="info",
                message="Gemini's tokens are estimated from the length of the text, rather high than low.",
            ),
        ]

    def _refuse(self, base: Base, recipe: Recipe, options: HostedOptions) -> None:
        hosted.refuse_closed(base, self.today())
        hosted.refuse_dying(base, self.today(), options.accept_retirement)
        if recipe.rank and recipe.rank not in RANKS:
            raise Refused(
                f"Gemini takes no rank of {recipe.rank}.", f"It takes {', '.join(map(str, RANKS))}, or none."
            )

    def measure(self, base_model: str, examples: Iterable[Example]) -> Iterator[TokenCount]:
        limit = find(base_model, self.bases_file).example_tokens
        return tokens.measured_all(examples, self.count, limit)

    def start(self, dataset: Dataset, recipe: Recipe, label: str) -> str:
        return self.order(dataset, recipe, label, buying=lambda: None)

    def order(self, dataset: Dataset, recipe: Recipe, label: str, buying: Callable[[], None]) -> str:
        if found := self.find(label):
            return found
        options, base = options_of(recipe, Options), find(recipe.base_model, self.bases_file)
        self._refuse(base, recipe, options)
        if limit := options.max_cost or self.max_cost:
            hosted.refuse_dear(self.price(dataset, recipe), limit, base)
        with written(converted(FORMAT, lines(dataset.train_uri))) as file:
            uri = self.staging.put(file)
        buying()
        return self.jobs.create_once(label, recipe.base_model, uri, _config(recipe, options, label))

    def find(self, label: str) -> str | None:
        return self.jobs.find(label)

    def poll(self, remote_id: str) -> Progress:
        """A job that Google does not know has failed."""
        return hosted.seen(lambda: jobs.progress(self.jobs.get(remote_id)), is_missing)

    def poll_all(self, remote_ids: Collection[str]) -> dict[str, Progress]:
        """All of them for one request per hundred jobs.

        A job whose own question fails in passing is left out; one that Google does not know has failed.
        """
        found = self.jobs.listed(remote_ids)
        return hosted.polled(
            remote_ids, lambda id: jobs.progress(found.get(id) or self.jobs.get(id)), is_missing
        )

    def events(self, remote_id: str) -> list[Event]:
        return jobs.events(self.jobs.get(remote_id))

    def findings(self, remote_id: str) -> list[Finding]:
        """What Google left out of the training, known once it has read the data."""
        return jobs.findings(self.jobs.get(remote_id))

    def cancel(self, remote_id: str) -> None:
        if remote_id:
            self.jobs.cancel(remote_id)

    def outcome(self, remote_id: str) -> Outcome:
        """Raises Unavailable while Google has not named the endpoint."""
        job = self.jobs.get(remote_id)
        if not job.tuned_model or not job.tuned_model.endpoint:
            raise Unavailable(
                "Google has not named the tuned model's endpoint yet.", "Ask again in a minute."
            )
        return Outcome(
            reference=job.tuned_model.endpoint, base_name=job.base_model or "", metrics=jobs.metrics(job)
        )

    def answers(self, remote_id: str, dataset: Dataset, recipe: Recipe) -> list[Answer]:
        tuned = self.outcome(remote_id).reference
        limit = options_of(recipe, Options).evaluate_on
        holdout = lines(dataset.holdout_uri)
        return answers(holdout, limit, recipe.base_model, tuned, self._ask, self.count, self.patience)

    def _ask(self, model: str, messages: Sequence[Turn], options: ChatOptions) -> Iterator[Piece]:
        return chat.stream(self.access, ONCE, model, messages, options)

    def chat(
        self, base_model: str, reference: str, messages: Sequence[Turn], options: ChatOptions
    ) -> Iterator[Piece]:
        """Raises Refused for a model that is gone, with the date of its base's end where one is known."""
        try:
            yield from chat.stream(self.access, self.patience, reference, messages, options)
        except Refused as error:
            if is_missing(error):
                base = bases(self.bases_file).get(base_model)
                raise hosted.gone("Google", reference, base, self.today(), error) from error
            raise

    def leftovers(self, labels: Collection[str]) -> dict[str, list[Leftover]]:
        """What is in Google Cloud of the jobs of those labels."""
        return leftovers.of_labels(self.access, self.jobs, self.staging, labels)

    def orphans(self, age: timedelta = hosted.ORPHANED) -> list[Leftover]:
        """Staged files that are so old and belong to no job."""
        return leftovers.without_job(self.jobs, self.staging, age)

    def remove(self, leftover: Leftover) -> None:
        leftovers.remove(self.access, self.jobs, self.staging, leftover)


def _config(recipe: Recipe, options: Options, label: str) -> CreateTuningJobConfig:
    return CreateTuningJobConfig(
        tuned_model_display_name=(recipe.suffix or f"luthier-{label[-8:]}")[:NAME_LENGTH],
        labels={jobs.LABEL: jobs.label_value(label)},
        epoch_count=recipe.epochs,
        learning_rate_multiplier=recipe.learning_rate,
        adapter_size=RANKS[recipe.rank] if recipe.rank else None,
        export_last_checkpoint_only=not options.checkpoints,
    )
