"""Go on with failed jobs whose fault may have passed: every hour, or `luthier jobs retry-failed`."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from batch.chores import Retry
from records import Failure, Job
from tasks.choose_retries import choose_retries
from tasks.evaluate import evaluate
from tasks.lanes import Lanes, told_apart
from tasks.publish import publish
from tasks.reopen_job import reopen_job
from tasks.report_retries import count_try, report_retries, went_well, went_wrong
from tasks.submit import start


@flow(name="retry-failed", persist_result=True, result_serializer="json")
def retry_failed(
    most: Annotated[int, Field(title="Tries of one job", ge=1, le=20)] = 3,
    first_wait_minutes: Annotated[float, Field(title="Minutes before the first try", ge=0, le=10_080)] = 15.0,
    hosted_at_once: Annotated[int, Field(title="Hosted jobs at once", ge=1, le=500)] = 20,
    dry_run: Annotated[bool, Field(title="Dry run")] = False,
) -> list[Retry]:
    """Try failed jobs again that failed in passing: a vendor's fault, a lost connection, a killed process.

    Never those that need a person: keys, billing, refused or unusable data, a cancelled job. A job that its
    vendor still has, or has finished, is found and not paid for again.

    Args:
        most: How often a job is tried again by itself, over all its attempts.
        first_wait_minutes: Between the failure and the first try; each further one waits twice as long.
        hosted_at_once: Jobs that may be open at hosted vendors. Own hardware trains one at a time.
        dry_run: Say what would be tried and why, and try nothing.
    """
    chosen = choose_retries(most, first_wait_minutes)
    if dry_run:
        return report_retries(chosen)
    done = [one for one in chosen if one.what == "left"]

    def begin(retry: Retry) -> Job:
        count_try(retry)
        return start(reopen_job(retry.job_id))

    def settle(retry: Retry, job: Job | None, failure: Failure | None, seconds: float) -> None:
        with told_apart() as fault:
            if job:
                done.append(went_well(retry, publish(job, evaluate(job))))
        if wrong := failure or next(iter(fault), None):
            done.append(went_wrong(retry, wrong))

    todo = [one for one in chosen if one.what == "retried"]
    Lanes(todo, lambda retry: retry.provider, begin, settle, hosted_at_once).run()
    return report_retries(done)
