"""Jobs: their state, changed only by reading and writing in one transaction."""

import logging
from typing import Any

from sqlalchemy import Connection, select

from records import ENDED, Job, Status, now
from registry.database import Database, insert_missing, record_of
from registry.tables import jobs

log = logging.getLogger(__name__)

# What an ended job keeps: a late poll must not overwrite how it ended.
SETTLED = {"status", "progress", "failure", "finished_at"}
# What a job that is taken up again forgets.
FRESH = {"progress": None, "failure": None, "resume_at": None, "deadline": None, "finished_at": None}


class Jobs(Database):
    def add_job(self, job: Job) -> Job:
        """Insert the job, or return the stored one of the same id: two racing workers get the same."""
        with self.writing() as connection:
            if insert_missing(connection, jobs, **_row(job)):
                return job
            return Job.model_validate_json(record_of(connection, jobs, job.id))

    def job(self, key: str) -> Job:
        """By id or the unique start of one. Raises NotFound."""
        with self.reading() as connection:
            return Job.model_validate_json(record_of(connection, jobs, key))

    def jobs(self, status: Status | None = None) -> list[Job]:
        """The newest first."""
        query = select(jobs.c.record).order_by(jobs.c.created_at.desc(), jobs.c.id)
        if status:
            query = query.where(jobs.c.status == status)
        with self.reading() as connection:
            return [Job.model_validate_json(text) for text in connection.execute(query).scalars()]

    def update_job(self, key: str, **changes: Any) -> Job:
        """Change fields and return the stored job; sets `updated_at`, and `finished_at` when it ends.

        A job that has ended stays as it ended: of the changes, status, progress and failure are left out, so
        look at the returned status. `reopen_job` is the only way back. Raises NotFound.
        """
        with self.writing() as connection:
            job = locked_job(connection, key)
            if job.status in ENDED and changes.keys() & SETTLED:
                log.info("job %s has ended as %s and stays so", job.id, job.status, extra={"job": job.id})
                changes = {name: value for name, value in changes.items() if name not in SETTLED}
            return changed_job(connection, job, changes) if changes else job

    def reopen_job(self, key: str) -> Job:
        """A failed or cancelled job is queued again, for a retry that goes on from its checkpoint.

        A job that runs or succeeded is returned as it is. Raises NotFound.
        """
        with self.writing() as connection:
            job = locked_job(connection, key)
            if job.status not in ("failed", "cancelled"):
                return job
            return changed_job(connection, job, {**FRESH, "status": "queued"})


def _row(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "status": job.status,
        "provider": job.provider,
        "dataset_id": job.dataset_id,
        "created_at": job.created_at,
        "record": job.model_dump_json(),
    }


def locked_job(connection: Connection, key: str) -> Job:
    """The job, with its row locked on databases that lock rows."""
    found = Job.model_validate_json(record_of(connection, jobs, key))
    query = select(jobs.c.record).where(jobs.c.id == found.id).with_for_update()
    return Job.model_validate_json(connection.execute(query).scalar_one())


def changed_job(connection: Connection, job: Job, changes: dict[str, Any]) -> Job:
    moment = now()
    if changes.get("status") in ENDED:
        changes = {"finished_at": moment, **changes}
    changed = job.but(**{"updated_at": moment, **changes, "id": job.id, "created_at": job.created_at})
    connection.execute(jobs.update().where(jobs.c.id == job.id).values(**_row(changed)))
    return changed
