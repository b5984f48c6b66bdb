"""Jobs that wait for their vendors: what the last look said, whose turn it is to look, who waits for them."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, or_, select

from records import ENDED, Job, Progress, Status, now
from registry.database import Database, insert_missing, put, record_of
from registry.jobs import changed_job, locked_job
from registry.tables import flow_runs, jobs, polls, submissions

NEVER = datetime.fromtimestamp(0, UTC)
# a deadline is moved on in steps, so that a job in a queue is not written at every look
STEP = timedelta(hours=1)
EARLY = 0.95
LONGEST_OFF = timedelta(days=2)  # vendors are heeded for a day


class Waits(Database):
    def unfinished_jobs(self) -> list[Job]:
        """The oldest first."""
        query = select(jobs.c.record).where(jobs.c.status.not_in(ENDED)).order_by(jobs.c.created_at)
        with self.reading() as connection:
            return [Job.model_validate_json(text) for text in connection.execute(query).scalars()]

    def job_at(self, provider: str, remote_id: str) -> Job | None:
        """Ours that the vendor calls so."""
        named = (submissions.c.provider == provider, submissions.c.remote_id == remote_id)
        query = select(jobs.c.record).join(submissions, submissions.c.job_id == jobs.c.id).where(*named)
        with self.reading() as connection:
            text = connection.execute(query).scalar()
        return Job.model_validate_json(text) if text else None

    def note_progress(
        self, seen: Mapping[str, Progress], queue_deadline: datetime | None = None
    ) -> dict[str, Job]:
        """What the vendors say of jobs, by their ids; returns the jobs as stored, all in one transaction.

        A training that succeeded leaves the job open, as its model is still to be published. The time in a
        vendor's queue doesn't count: it moves the deadline on to `queue_deadline`.
        """
        with self.writing() as connection:
            return {key: _noted(connection, key, seen[key], queue_deadline) for key in sorted(seen)}

    def take_turn(self, provider: str, every: timedelta) -> bool:
        """Whether to ask that provider for its open jobs now: of all who could, one in `every`.

        A turn further off than a vendor may ask for was noted by a clock that was wrong, and is nobody's.
        """
        moment = now()
        with self.writing() as connection:
            insert_missing(connection, polls, provider=provider, next_at=NEVER)
            free = or_(polls.c.next_at <= moment, polls.c.next_at > moment + every + LONGEST_OFF)
            due = polls.update().where(polls.c.provider == provider, free)
            # who looks every `every` by its own clock comes a little early, and must not wait another round
            return bool(connection.execute(due.values(next_at=moment + EARLY * every)).rowcount)

    def put_off(self, provider: str, until: datetime) -> None:
        """Nobody asks that provider before."""
        with self.writing() as connection:
            later = polls.update().where(polls.c.provider == provider, polls.c.next_at < until)
            connection.execute(later.values(next_at=until))

    def carry(self, flow_run_id: str, job_id: str, parked: bool = False) -> None:
        """A Prefect run works on that job from now on, or is parked until it may go on with it."""
        with self.writing() as connection:
            put(connection, flow_runs, id=flow_run_id, job_id=job_id, parked=parked, since=now())

    def resume(self, flow_run_id: str) -> Job | None:
        """The job that the run was parked with, told once; none if it was not parked since."""
        mine = (flow_runs.c.id == flow_run_id, flow_runs.c.parked)
        with self.writing() as connection:
            job_id = connection.execute(select(flow_runs.c.job_id).where(*mine)).scalar()
            if job_id is None:
                return None
            connection.execute(flow_runs.update().where(*mine).values(parked=False))
            return Job.model_validate_json(record_of(connection, jobs, job_id))

    def forget_parked(self, flow_run_ids: Collection[str]) -> None:
        """Those runs were cancelled: only a person starts one again, who wants its job taken up."""
        with self.writing() as connection:
            mine = flow_runs.update().where(flow_runs.c.id.in_(flow_run_ids))
            connection.execute(mine.values(parked=False))

    def parked_jobs(self, flow_run_ids: Collection[str]) -> dict[str, Job]:
        """What each of those Prefect runs is parked with."""
        query = select(flow_runs.c.id, jobs.c.record).join(jobs, jobs.c.id == flow_runs.c.job_id)
        with self.reading() as connection:
            mine = query.where(flow_runs.c.id.in_(flow_run_ids), flow_runs.c.parked)
            rows = connection.execute(mine).all()
        return {row.id: Job.model_validate_json(row.record) for row in rows}

    def carried_jobs(self, flow_run_id: str) -> list[Job]:
        """What that Prefect run works or worked on, the newest first: attempts, or a batch."""
        query = select(jobs.c.record).join(flow_runs, jobs.c.id == flow_runs.c.job_id)
        mine = query.where(flow_runs.c.id == flow_run_id).order_by(flow_runs.c.since.desc())
        with self.reading() as connection:
            return [Job.model_validate_json(text) for text in connection.execute(mine).scalars()]

    def carriers(self, job_id: str) -> list[str]:
        """The Prefect runs that work or worked on the job, the newest first."""
        query = select(flow_runs.c.id).where(flow_runs.c.job_id == job_id).order_by(flow_runs.c.since.desc())
        with self.reading() as connection:
            return list(connection.execute(query).scalars())


def _noted(connection: Connection, key: str, progress: Progress, queue_deadline: datetime | None) -> Job:
    job = locked_job(connection, key)
    if job.status in ENDED:
        return job
    progress = _with_known_steps(progress, job.progress)
    status: Status = "in_progress" if progress.status == "succeeded" else progress.status
    changes: dict[str, Any] = {"status": status, "progress": progress, "failure": progress.failure}
    if queue_deadline and progress.status == "queued" and (job.deadline or NEVER) < queue_deadline - STEP:
        changes["deadline"] = queue_deadline
    if all(getattr(job, name) == value for name, value in changes.items()):
        return job
    return changed_job(connection, job, changes)


def _with_known_steps(progress: Progress, known: Progress | None) -> Progress:
    """A look at many jobs at once tells less than one at a single job; what that told stays."""
    if known is None or progress.steps or progress.status != known.status:
        return progress
    return progress.but(step=known.step, steps=known.steps, metrics={**known.metrics, **progress.metrics})
