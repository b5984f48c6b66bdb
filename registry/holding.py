"""Who looks after a run, where several runners share a registry.

A runner claims a run before it starts it, and says from time to time that it still looks after it. One that
has not been heard of until `held_until` is gone, and another may claim the run.
"""

from datetime import timedelta
from functools import lru_cache

from sqlalchemy import select

from records import ENDED, Job, now
from registry.database import insert_missing
from registry.runs import Entry, Run, Runs, adopted_run, change_run, found_run, run_row
from registry.tables import jobs, runs


class Holding(Runs):
    def unfinished_runs(self) -> list[Entry]:
        """With their jobs, the oldest first. As stored: a run may lag behind its job."""
        query = select(runs.c.record, jobs.c.record.label("job")).outerjoin(jobs, jobs.c.id == runs.c.job_id)
        query = query.where(runs.c.status.not_in(ENDED), runs.c.deleted_at.is_(None))
        with self.reading() as connection:
            rows = connection.execute(query.order_by(runs.c.created_at, runs.c.id)).all()
        return [Entry(_run(row.record), _job(row.job) if row.job else None) for row in rows]

    def take_on(self, job: Job) -> None:
        """Have a runner go on with a job that the command line started, as a run of the owner's."""
        known = [run for run in self.runs_of_job(job.id) if run.elsewhere and run.status not in ENDED]
        if known:
            self.update_run(known[0].id, elsewhere=False)
            return
        run = adopted_run(job).but(elsewhere=False, status="in_progress")
        with self.writing() as connection:
            insert_missing(connection, runs, **run_row(run))

    def claim_run(self, run_id: str, place: str, hold: timedelta) -> Run | None:
        """The right to start the run: of any number of runners one gets it, until `hold` is over.

        `place` names the runner and is the same after its restart. Counts a start.
        """
        with self.writing() as connection:
            run = found_run(connection, run_id, lock=True)
            if run.status in ENDED or run.pid or run.flow_run_id or held_elsewhere(run, place):
                return None
            claim = {"place": place, "held_until": now() + hold, "starts": run.starts + 1}
            return change_run(connection, run, claim)


# the runner asks for all of them every second, and few have changed
@lru_cache(8192)
def _run(text: str) -> Run:
    return Run.model_validate_json(text)


@lru_cache(8192)
def _job(text: str) -> Job:
    return Job.model_validate_json(text)


def held_elsewhere(run: Run, place: str) -> bool:
    """Another runner starts it, or looks after its process, and has said so lately."""
    return run.place not in (None, place) and run.held_until is not None and run.held_until > now()
