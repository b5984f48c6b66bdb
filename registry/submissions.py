"""The ledger of paid jobs: intent before the vendor is called, the vendor's id right after.

The protocol, so that no job is bought twice:

    submission, token = registry.intend(job.id, provider, key)
    submission.remote_id known      -> the job exists; use it
    token is None                   -> another worker is at it; look again later
    submission.doubtful_until ahead -> it may be bought already: ask the vendor (`find`), buy nothing
    otherwise                       -> ask the vendor, `order`, buy, then `record_remote` at once
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, or_, select

from errors import NotFound, Unavailable
from records import Record, now
from registry.claims import has_died, new_token
from registry.database import Database, insert_missing
from registry.tables import submissions

HOLD = timedelta(minutes=10)
# far longer than a vendor's list lags behind its jobs, and short beside the hours that a job takes
DOUBT = timedelta(minutes=1)


class Submission(Record):
    job_id: str
    provider: str
    key: str
    remote_id: str | None
    claimed_until: datetime | None
    claims: int
    intended_at: datetime
    ordered_at: datetime | None
    recorded_at: datetime | None

    @property
    def doubtful_until(self) -> datetime | None:
        """Until when a job that is not listed may have been bought all the same; none: it was not."""
        return self.ordered_at + DOUBT if self.ordered_at and self.remote_id is None else None


class Claim(NamedTuple):
    submission: Submission
    token: str | None


class Submissions(Database):
    def intend(self, job_id: str, provider: str, key: str, hold: timedelta = HOLD) -> Claim:
        """Write down that the vendor is about to be called, and claim the right to call it.

        Exactly one of any number of callers gets a token, until it is released, `hold` is over or its process
        is seen to have died; nobody gets one once the vendor's id is recorded. Choose `hold` longer than the
        vendor call with its retries, and far longer than the workers' clocks differ. The first key stays.
        """
        token, moment = new_token(), now()
        with self.writing() as connection:
            intent = {"job_id": job_id, "provider": provider, "key": key, "intended_at": moment}
            insert_missing(connection, submissions, **intent, claims=0)
            columns = submissions.c
            held = connection.execute(select(columns.claim).where(columns.job_id == job_id)).scalar()
            free = or_(columns.claim.is_(None), columns.claimed_until < moment)
            if held and has_died(held):
                free = or_(free, columns.claim == held)
            won = connection.execute(
                submissions.update()
                .where(columns.job_id == job_id, columns.remote_id.is_(None), free)
                .values(claim=token, claimed_until=moment + hold, claims=columns.claims + 1)
            ).rowcount
            return Claim(_submission(connection, job_id), token if won else None)

    def order(self, job_id: str, token: str, hold: timedelta = HOLD) -> None:
        """Write down that the request goes out now that buys the job, and hold the claim anew.

        Raises Unavailable where the claim ran out meanwhile, in a long upload, and another worker has it.
        """
        moment = now()
        with self.writing() as connection:
            held = connection.execute(
                submissions.update()
                .where(submissions.c.job_id == job_id, submissions.c.claim == token)
                .values(ordered_at=moment, claimed_until=moment + hold)
            ).rowcount
        if not held:
            raise Unavailable(f"Another worker submits {job_id} by now.", "Nothing to do: its job is found.")

    def not_ordered(self, job_id: str, token: str) -> None:
        """The vendor has certainly started nothing."""
        held = (submissions.c.job_id == job_id, submissions.c.claim == token)
        with self.writing() as connection:
            connection.execute(submissions.update().where(*held).values(ordered_at=None))

    def record_remote(self, job_id: str, remote_id: str) -> Submission:
        """Store the vendor's id and end the claim. Raises NotFound without an intent.

        The first id stays: if the returned one is not yours, another worker's job counts, and yours is to be
        cancelled.
        """
        columns = submissions.c
        with self.writing() as connection:
            connection.execute(
                submissions.update()
                .where(columns.job_id == job_id, columns.remote_id.is_(None))
                .values(remote_id=remote_id, recorded_at=now(), claim=None, claimed_until=None)
            )
            return _submission(connection, job_id)

    def release(self, job_id: str, token: str) -> None:
        """Give the claim back. It need not be held any more."""
        held = (submissions.c.job_id == job_id, submissions.c.claim == token)
        with self.writing() as connection:
            connection.execute(submissions.update().where(*held).values(claim=None, claimed_until=None))

    def submitted(self, job_id: str) -> Submission | None:
        """What the ledger knows of the job."""
        with self.reading() as connection:
            row = _row(connection, job_id)
        return Submission(**row) if row else None


def _submission(connection: Connection, job_id: str) -> Submission:
    row = _row(connection, job_id)
    if row is None:
        raise NotFound(f"The ledger knows no submission of job '{job_id}'.", "Write the intent first.")
    return Submission(**row)


def _row(connection: Connection, job_id: str) -> dict[str, Any] | None:
    wanted = [submissions.c[name] for name in Submission.model_fields]
    row = connection.execute(select(*wanted).where(submissions.c.job_id == job_id)).mappings().first()
    return dict(row) if row else None
