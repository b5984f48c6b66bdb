"""Runs: work that an account asked for, from the click on, and what became of it.

A run is there before its dataset and job are known. It says whose a job is, and through the job whose
dataset and model; jobs that the command line started get a run of the owner's.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from pydantic import Field
from sqlalchemy import Connection, and_, or_, select

from errors import NotFound
from records import ENDED, Failure, Job, Record, Status, TunedModel, now
from registry.accounts import OWNER
from registry.database import Database, insert_missing
from registry.models import current_of
from registry.quota import LOST, check_room, counted
from registry.tables import jobs, models, runs

Flow = Literal["fine_tune", "prepare_dataset"]
# What an ended run keeps, whatever its process still says.
SETTLED = {"status", "failure", "finished_at"}


class Run(Record):
    """A piece of work as an account asked for it: what its flow is called with, and who works on it."""

    id: str = Field(default_factory=lambda: f"ftjob-{uuid4().hex[:24]}")
    account: str
    flow: Flow
    name: str
    use_case: str
    base_model: str
    provider: str
    premium: bool = False
    parameters: dict[str, Any] = Field(description="what the flow is called with")
    request: dict[str, Any] = Field({}, description="what the API was asked for and gives back as it was")
    status: Status = "queued"
    failure: Failure | None = None
    dataset_id: str | None = None
    job_id: str | None = None
    elsewhere: bool = Field(False, description="another program runs it, the command line for instance")
    pid: int | None = None
    pid_started: str | None = Field(
        None, coerce_numbers_to_str=True, description="its birth (processes.py); a number in older registries"
    )
    flow_run_id: str | None = Field(None, description="of the Prefect server that runs it")
    starts: int = 0
    place: str | None = Field(None, description="the runner that starts it and looks after it")
    held_until: datetime | None = Field(None, description="until then no other runner touches it")
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)
    finished_at: datetime | None = None
    deleted_at: datetime | None = None
    purged_at: datetime | None = None


class Entry(NamedTuple):
    """A run with what came of it so far. The run's status is up to date with its job's."""

    run: Run
    job: Job | None = None
    model: TunedModel | None = None


class Runs(Database):
    def add_run(self, run: Run, limit: int | None = None) -> Run:
        """Store a new run. Raises Refused if the account has `limit` models of the run's class already."""
        with self.writing() as connection:
            check_room(connection, run.account, run.id, run.premium, limit)
            connection.execute(runs.insert().values(**run_row(run)))
        return run

    def run(self, run_id: str) -> Run:
        """Raises NotFound."""
        with self.reading() as connection:
            return found_run(connection, run_id)

    def run_of(self, account_id: str, run_id: str) -> Run:
        """Raises NotFound, also for another account's and for a deleted one."""
        with self.reading() as connection:
            run = found_run(connection, run_id)
            job = connection.execute(select(jobs.c.record).where(jobs.c.id == run.job_id)).scalar()
        if run.account != account_id or run.deleted_at:
            raise no_run(run_id)
        return in_step(run, Job.model_validate_json(job) if job else None)

    def job_of(self, run: Run) -> Job | None:
        """The run's job, once it is there."""
        with self.reading() as connection:
            text = connection.execute(select(jobs.c.record).where(jobs.c.id == run.job_id)).scalar()
        return Job.model_validate_json(text) if text else None

    def owns_dataset(self, account_id: str, dataset_id: str) -> bool:
        """Whether a run of the account made or used it."""
        mine = (runs.c.account == account_id, runs.c.dataset_id == dataset_id)
        with self.reading() as connection:
            return connection.execute(select(runs.c.id).where(*mine).limit(1)).scalar() is not None

    def runs(
        self, account_id: str | None = None, statuses: Sequence[Status] = (), deleted: bool = False
    ) -> list[Run]:
        """The newest first; without deleted ones, or only those that can be restored."""
        query = select(runs.c.record).order_by(runs.c.created_at.desc(), runs.c.id)
        query = query.where(runs.c.deleted_at.is_not(None) if deleted else runs.c.deleted_at.is_(None))
        query = query.where(runs.c.purged_at.is_(None))
        if account_id:
            query = query.where(runs.c.account == account_id)
        if statuses:
            query = query.where(runs.c.status.in_(statuses))
        with self.reading() as connection:
            return [Run.model_validate_json(text) for text in connection.execute(query).scalars()]

    def runs_of_job(self, job_id: str) -> list[Run]:
        """Of all accounts, without deleted ones."""
        query = select(runs.c.record).where(runs.c.job_id == job_id, runs.c.deleted_at.is_(None))
        with self.reading() as connection:
            return [Run.model_validate_json(text) for text in connection.execute(query).scalars()]

    def entries(self, account_id: str, key: str = "", deleted: bool = False) -> list[Entry]:
        """Trained models and those in the making, the newest first; `key` is the id of a run, job or model,
        or the name or alias of versions.

        Of several runs of one job the newest counts; a model that the command line deleted is not listed.
        """
        columns = runs.c
        shown = and_(models.c.job_id == columns.job_id, models.c.deleted_at.is_(None))
        joined = runs.outerjoin(jobs, jobs.c.id == columns.job_id).outerjoin(models, shown)
        query = (
            select(columns.record, jobs.c.record.label("job"), models.c.record.label("model"))
            .select_from(joined)
            .where(columns.account == account_id, columns.flow == "fine_tune", columns.purged_at.is_(None))
            .where(columns.deleted_at.is_not(None) if deleted else columns.deleted_at.is_(None))
            .where(or_(columns.status != "succeeded", models.c.id.is_not(None)))
            .order_by(columns.created_at.desc(), columns.id)
        )
        with self.reading() as connection:
            if key:
                pointed = current_of(connection, key) or key
                query = query.where(or_(columns.id == key, columns.job_id == key, models.c.id == pointed))
            rows = connection.execute(query).all()
        found: dict[str, Entry] = {}
        for row in rows:
            entry = _entry(row.record, row.job, row.model)
            found.setdefault(entry.run.job_id or entry.run.id, entry)
        return list(found.values())

    def update_run(self, run_id: str, **changes: Any) -> Run:
        """Change fields; a run that has ended stays as it ended, until `reopen_run`. Raises NotFound."""
        with self.writing() as connection:
            run = found_run(connection, run_id, lock=True)
            if run.status in ENDED and changes.keys() & SETTLED:
                changes = {name: value for name, value in changes.items() if name not in SETTLED}
            return change_run(connection, run, changes)

    def reopen_run(self, run_id: str, limit: int | None = None, **changes: Any) -> Run:
        """A failed or cancelled run is queued again. Raises Refused as `add_run` does."""
        fresh = {"status": "queued", "failure": None, "finished_at": None, "deleted_at": None, "starts": 0}
        process = {"pid": None, "pid_started": None, "flow_run_id": None, "elsewhere": False, "place": None}
        with self.writing() as connection:
            run = found_run(connection, run_id, lock=True)
            if run.status not in LOST:
                return run
            check_room(connection, run.account, run.id, run.premium, limit)
            return change_run(connection, run, {**fresh, **process, **changes})

    def models_counted(self, account_id: str, premium: bool) -> int:
        """What counts against the plan, see `quota.counted`."""
        with self.reading() as connection:
            return counted(connection, account_id, premium)

    def restore_run(self, run_id: str, limit: int | None) -> Run:
        """Take back a deletion. Raises NotFound if it is too late, Refused if the place is taken."""
        with self.writing() as connection:
            run = found_run(connection, run_id, lock=True)
            if run.purged_at:
                raise NotFound(f"'{run.name}' was deleted for good.", "Train it again on the same data.")
            if run.status not in LOST:
                check_room(connection, run.account, run.id, run.premium, limit)
            return change_run(connection, run, {"deleted_at": None})

    def adopt_jobs(self) -> None:
        """Give the owner a run of each job that has none: what the command line started."""
        known = select(runs.c.job_id).where(runs.c.job_id.is_not(None))
        alive = known.where(runs.c.purged_at.is_(None))
        made_again = select(models.c.job_id).where(
            models.c.deleted_at.is_(None), models.c.job_id.not_in(alive)
        )
        orphans = select(jobs.c.record).where(or_(jobs.c.id.not_in(known), jobs.c.id.in_(made_again)))
        with self.reading() as connection:
            found = [Job.model_validate_json(text) for text in connection.execute(orphans).scalars()]
        for job in found:
            with self.writing() as connection:
                insert_missing(connection, runs, **run_row(adopted_run(job)))


# the panel asks for all of them again and again, and few have changed
@lru_cache(2048)
def _entry(run_text: str, job_text: str | None, model_text: str | None) -> Entry:
    run = Run.model_validate_json(run_text)
    job = Job.model_validate_json(job_text) if job_text else None
    model = TunedModel.model_validate_json(model_text) if model_text else None
    return Entry(in_step(run, job), job, model)


def in_step(run: Run, job: Job | None) -> Run:
    """The run with its job's status and failure, where the job knows more."""
    at_work = run.elsewhere or run.pid or run.flow_run_id
    if job is None or run.status in ENDED:
        return run
    # without a process of its own, its job can only be with its vendor
    if not at_work and (run.status == "queued" or not job.waits):
        return run
    if job.status == "queued" and job.remote_id is None and not run.elsewhere and not job.waits:
        # opened, and its data not validated yet
        return run
    if job.status not in ENDED:
        return run.but(status=job.status)
    if not run.elsewhere:
        # its process is alive and will say how it ended
        return run
    return run.but(status=job.status, failure=job.failure, finished_at=job.finished_at)


def adopted_run(job: Job) -> Run:
    return Run(
        # two that adopt at once make one run; a job that was taken up again makes another
        id=f"ftjob-{job.id.rpartition('-')[2]}{int(job.updated_at.timestamp()):x}"[:40],
        account=OWNER,
        flow="fine_tune",
        name=job.name,
        use_case="",
        base_model=job.recipe.base_model,
        provider=job.provider,
        parameters={
            "dataset_id": job.dataset_id,
            "name": job.name,
            "recipe": job.recipe.model_dump(mode="json"),
        },
        status=job.status if job.status in ENDED else "in_progress",
        failure=job.failure,
        dataset_id=job.dataset_id,
        job_id=job.id,
        elsewhere=True,
        created_at=job.created_at,
        updated_at=job.updated_at,
        finished_at=job.finished_at,
    )


def no_run(run_id: str) -> NotFound:
    return NotFound(
        f"There is no model or fine-tuning job '{run_id}'.",
        "It may have been deleted; the list shows what there is.",
    )


def found_run(connection: Connection, run_id: str, lock: bool = False) -> Run:
    query = select(runs.c.record).where(runs.c.id == run_id)
    text = connection.execute(query.with_for_update() if lock else query).scalar()
    if text is None:
        raise no_run(run_id)
    return Run.model_validate_json(text)


def change_run(connection: Connection, run: Run, changes: dict[str, Any]) -> Run:
    moment = now()
    if changes.get("status") in ENDED:
        changes = {"finished_at": moment, **changes}
    changed = run.but(**{"updated_at": moment, **changes, "id": run.id})
    connection.execute(runs.update().where(runs.c.id == run.id).values(**run_row(changed)))
    return changed


def run_row(run: Run) -> dict[str, Any]:
    looked_up = ("id", "account", "flow", "status", "premium", "job_id", "dataset_id")
    moments = ("created_at", "deleted_at", "purged_at")
    return {name: getattr(run, name) for name in (*looked_up, *moments)} | {"record": run.model_dump_json()}
