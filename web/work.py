"""Starting work and asking for its state, for one account at a time: what is another's is not found."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import providers
from errors import NotFound, Refused, Unavailable
from providers import Provider
from providers.catalogue import Base, bases, find
from records import ENDED, Event, Preparation, Recipe, now
from registry import Registry
from registry.accounts import Account
from registry.models import checked_name
from registry.runs import Entry, Run, no_run
from registry.usage import Window
from settings import Settings
from waiting.stopping import end_carriers, stop
from web.faults import BadRequest, Forbidden
from web.plans import Plan, Plans
from web.runner import Runner

UNDO = timedelta(minutes=10)
SHORTEST_USE_CASE = 3


class PlanUsage(NamedTuple):
    plan: Plan
    models: int
    premium_models: int
    requests: int
    window: timedelta
    window_frees_at: datetime | None


class Work:
    def __init__(self, settings: Settings, registry: Registry, plans: Plans, runner: Runner):
        self.settings, self.registry, self.plans, self.runner = settings, registry, plans, runner

    def start_training(
        self,
        account: Account,
        *,
        sources: Sequence[str] = (),
        dataset_id: str | None = None,
        use_case: str = "",
        recipe: Recipe,
        preparation: Preparation = Preparation(),
        name: str | None = None,
        request: Mapping[str, Any] | None = None,
    ) -> Run:
        """Ask for a model of the sources, or of a dataset that was prepared before.

        Raises Refused at the plan's limit and for a base that can't be tuned, Forbidden for a source that
        the account may not read, NotFound for a dataset that isn't its own, BadRequest without any of them.
        """
        base = self.base(account, recipe.base_model)
        parameters: dict[str, Any] = {"name": name or None, "recipe": recipe.model_dump(mode="json")}
        if dataset_id:
            use_case = self.dataset_use_case(account, dataset_id)
            parameters["dataset_id"] = dataset_id
        else:
            parameters |= self._preparing(account, sources, use_case, preparation)
        run = Run(
            account=account.id,
            flow="fine_tune",
            name=name or base.id,
            use_case=use_case,
            base_model=recipe.base_model,
            provider=base.provider,
            premium=base.premium,
            parameters=parameters,
            request=dict(request or {}),
            dataset_id=dataset_id,
        )
        run = self.registry.add_run(run, self.plans.plan(account).limit(base.premium))
        self.registry.audit(account.id, "model.create", run.id, f"{run.name} on {run.base_model}")
        self.runner.look()
        return run

    def start_preparation(
        self,
        account: Account,
        sources: Sequence[str],
        use_case: str,
        recipe: Recipe,
        preparation: Preparation = Preparation(),
    ) -> Run:
        """Make a dataset to look at first; the run's `dataset_id` names it as soon as it is there."""
        base = self.base(account, recipe.base_model)
        parameters = self._preparing(account, sources, use_case, preparation)
        run = Run(
            account=account.id,
            flow="prepare_dataset",
            name=base.id,
            use_case=use_case,
            base_model=recipe.base_model,
            provider=base.provider,
            parameters={**parameters, "recipe": recipe.model_dump(mode="json")},
        )
        run = self.registry.add_run(run)
        self.registry.audit(account.id, "dataset.prepare", run.id)
        self.runner.look()
        return run

    def _preparing(
        self, account: Account, sources: Sequence[str], use_case: str, preparation: Preparation
    ) -> dict[str, Any]:
        if not sources:
            raise BadRequest("No file was given.", "Upload files, or name where they are.")
        if len(use_case.strip()) < SHORTEST_USE_CASE:
            raise BadRequest("The use case is missing.", "Say in a sentence what the model is for.")
        for source in (*sources, *preparation.held):
            self._check_source(account, source)
        if preparation.teacher and not account.owner:
            # it would be sent a secret of this machine, to any address
            raise Forbidden("Only the owner may name a teacher.", "Leave its fields empty.")
        return {
            "sources": list(sources),
            "use_case": use_case.strip(),
            "preparation": preparation.model_dump(mode="json"),
        }

    def _check_source(self, account: Account, source: str) -> None:
        """The owner may name any place that Luthier can read; everyone else only own uploads."""
        if not account.owner and not any(one.path == source for one in self.registry.uploads(account.id)):
            raise Forbidden("You can't read that source.", "Upload the file instead.")

    def base(self, account: Account, base_model: str) -> Base:
        """Raises Refused for one that is unknown or closed; only the owner may name one off the catalogue."""
        if not account.owner and base_model not in bases(self.settings.bases_file):
            raise Refused(f"There is no base model called '{base_model}'.", "Choose one of the list.")
        base = find(base_model, self.settings.bases_file)
        if not base.tunable_on(now().date()):
            other = f" Take {base.successor}." if base.successor else ""
            raise Refused(f"{base.id} can't be tuned any more.", f"Choose another base model.{other}")
        return base

    def dataset_use_case(self, account: Account, dataset_id: str) -> str:
        """Raises NotFound for a dataset that no run of the account made."""
        dataset = self.registry.dataset(dataset_id)
        if not account.owner and not self.registry.owns_dataset(account.id, dataset.id):
            raise NotFound(f"There is no dataset called '{dataset_id}'.", "Prepare one first.")
        return dataset.use_case

    def run(self, account: Account, run_id: str) -> Run:
        """Raises NotFound."""
        return self.registry.run_of(account.id, run_id)

    def cards(self, account: Account) -> list[Entry]:
        """Every model and every one in the making or failed, the newest first."""
        if account.owner:
            self.registry.adopt_jobs()
        return self.registry.entries(account.id)

    def card(self, account: Account, key: str, deleted: bool = False) -> Entry:
        """By the id of its run, job or model. Raises NotFound."""
        found = self.registry.entries(account.id, key, deleted)
        if not found and account.owner:
            self.registry.adopt_jobs()
            found = self.registry.entries(account.id, key, deleted)
        if not found:
            raise no_run(key)
        return found[0]

    def rename(self, account: Account, key: str, name: str) -> Entry:
        """Raises InvalidData for a name that is empty or too long."""
        entry = self.card(account, key)
        name = checked_name(name)
        parameters = {**entry.run.parameters, "name": name}
        self.registry.update_run(entry.run.id, name=name, parameters=parameters)
        if entry.job:
            self.registry.update_job(entry.job.id, name=name)
        if entry.model:
            self.registry.rename_model(entry.model.id, name)
        self.registry.audit(account.id, "model.rename", entry.run.id, name)
        return self.card(account, entry.run.id)

    def retry(self, account: Account, key: str) -> Run:
        """A failed or cancelled run goes on; its flow makes a new attempt where the provider can't go on.

        Raises Refused at the plan's limit.
        """
        entry = self.card(account, key)
        run = entry.run
        if run.status not in ("failed", "cancelled"):
            raise Refused(f"'{run.name}' has not failed.", "Retry is for failed and cancelled jobs.")
        limit = self.plans.plan(account).limit(run.premium)
        run = self.registry.reopen_run(run.id, limit)
        self.registry.audit(account.id, "model.retry", run.id)
        self.runner.look()
        return run

    def cancel(self, account: Account, key: str) -> Entry:
        """Raises Refused for one that has ended."""
        entry = self.card(account, key)
        if entry.run.status in ENDED:
            raise Refused(f"'{entry.run.name}' has ended already: {entry.run.status}.", "")
        self._stop(entry)
        self.registry.audit(account.id, "model.cancel", entry.run.id)
        return self.card(account, entry.run.id)

    def _stop(self, entry: Entry) -> None:
        """Ended in the registry first, so that nothing starts it again; then its process and its provider."""
        run = self.registry.update_run(entry.run.id, status="cancelled", failure=None)
        self.runner.stop(run)
        # it may have come to its job meanwhile
        run = self.registry.run(run.id)
        job = self.registry.job_of(run)
        others = [one for one in self.registry.runs_of_job(run.job_id or "") if one.status not in ENDED]
        if job and not others and job.status != "succeeded":
            try:
                # what a program or a deployment runs that no card started
                end_carriers(job, self.runner.polling)
                stop(job, self.runner.polling)
            except Unavailable:
                # it runs on there, so it must not look as if it had ended
                self.registry.reopen_run(run.id)
                raise

    def delete(self, account: Account, key: str) -> Entry:
        """Off the lists at once and out of the plan's count; its files go after UNDO."""
        entry = self.card(account, key)
        if entry.run.status not in ENDED:
            self._stop(entry)
        run = self.registry.update_run(entry.run.id, deleted_at=now())
        for other in self.registry.runs_of_job(run.job_id or ""):
            # asked for twice, it would come back under its older run
            if other.account == account.id and other.status in ENDED:
                self.registry.update_run(other.id, deleted_at=now())
        self.registry.audit(account.id, "model.delete", run.id, run.name)
        return Entry(run, entry.job, entry.model)

    def restore(self, account: Account, key: str) -> Entry:
        """Take back a deletion. Raises NotFound if it is too late, Refused if the plan is full."""
        entry = self.card(account, key, deleted=True)
        limit = self.plans.plan(account).limit(entry.run.premium)
        self.registry.restore_run(entry.run.id, limit)
        self.registry.audit(account.id, "model.restore", entry.run.id)
        return self.card(account, entry.run.id)

    def refresh(self, account: Account, key: str) -> Entry:
        """Ask the provider now, beside the process that waits for it."""
        entry = self.card(account, key)
        job = entry.job
        if job and job.remote_id and job.status not in ENDED:
            progress = self.provider(job.provider).poll(job.remote_id)
            if progress.status not in ENDED:
                self.registry.update_job(job.id, status=progress.status, progress=progress)
        self.runner.look()
        return self.card(account, entry.run.id)

    def events(self, account: Account, key: str) -> list[Event]:
        """What happened, in order: ours, and the provider's own."""
        entry = self.card(account, key)
        run, job = entry.run, entry.job
        happened = [Event(at=run.created_at, level="info", message="The job was created.")]
        if job and job.remote_id:
            told = self.provider(job.provider).events(job.remote_id)
            # an equal job that had run before is found again, with what happened then
            happened += [event for event in told if event.at >= run.created_at]
        failure = run.failure
        if run.finished_at and run.status == "failed" and failure:
            message = f"{failure.message} {failure.hint}".strip()
            happened.append(Event(at=run.finished_at, level="error", message=message))
        elif run.finished_at:
            words = {"succeeded": "The model is ready.", "cancelled": "The job was cancelled."}
            happened.append(
                Event(at=run.finished_at, level="info", message=words.get(run.status, run.status))
            )
        return sorted(happened, key=lambda event: event.at)

    def usage(self, account: Account) -> PlanUsage:
        window: Window = self.registry.requests_used(account.id, self.plans.window)
        return PlanUsage(
            plan=self.plans.plan(account),
            models=self.registry.models_counted(account.id, premium=False),
            premium_models=self.registry.models_counted(account.id, premium=True),
            requests=window.used,
            window=self.plans.window,
            window_frees_at=window.frees_at,
        )

    def in_use(self, account: Account, path: str) -> bool:
        """Whether something that has not ended reads the file."""
        return any(
            path in run.parameters.get("sources", ())
            or path in run.parameters.get("preparation", {}).get("held", ())
            for run in self.registry.runs(account.id, ("queued", "validating_files"))
        )

    def provider(self, name: str) -> Provider:
        return providers.get(name, **self.settings.provider_arguments(name))
