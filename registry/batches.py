"""What is done without a person: how each job spec went, retries that were spent, notices that were sent."""

from datetime import datetime
from typing import NamedTuple

from pydantic import Field
from sqlalchemy import select

from records import Failure, Record, Status, now
from registry.database import Database, insert_missing, put
from registry.tables import notices, retries, spec_runs


class SpecRun(Record):
    """How a job spec went when it was last run. Written when it begins and when it has ended."""

    name: str = Field(description="of the model")
    data: str = Field(description="hash of the sources' names and bytes")
    spec: str = Field(description="hash of what the spec asks for")
    status: Status = "in_progress"
    job_id: str | None = None
    model_id: str | None = None
    version: int | None = None
    failure: Failure | None = None
    began_at: datetime = Field(default_factory=now, description="this work, before interruptions")
    at: datetime = Field(default_factory=now)
    trained_at: datetime | None = Field(None, description="when a model was last made of it")


class Tries(NamedTuple):
    spent: int
    last_at: datetime | None


class Batches(Database):
    def spec_run(self, name: str) -> SpecRun | None:
        with self.reading() as connection:
            text = connection.execute(select(spec_runs.c.record).where(spec_runs.c.name == name)).scalar()
        return SpecRun.model_validate_json(text) if text else None

    def keep_spec_run(self, run: SpecRun) -> SpecRun:
        run = run.but(at=now())
        with self.writing() as connection:
            put(connection, spec_runs, name=run.name, record=run.model_dump_json())
        return run

    def tries(self, work: str) -> Tries:
        """How often that work, a job with all its attempts, was tried again by itself."""
        with self.reading() as connection:
            row = connection.execute(select(retries).where(retries.c.work == work)).first()
        return Tries(row.tries, row.last_at) if row else Tries(0, None)

    def count_try(self, work: str) -> None:
        with self.writing() as connection:
            if not insert_missing(connection, retries, work=work, tries=1, last_at=now()):
                again = retries.update().where(retries.c.work == work)
                connection.execute(again.values(tries=retries.c.tries + 1, last_at=now()))

    def was_told(self, key: str) -> bool:
        with self.reading() as connection:
            return connection.execute(select(notices.c.key).where(notices.c.key == key)).first() is not None

    def note_told(self, key: str) -> None:
        with self.writing() as connection:
            insert_missing(connection, notices, key=key, told_at=now())
