"""What becomes of open jobs whose Prefect run has ended: a real server, OpenAI's SDK on loopback."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from flows.sync_jobs import sync_jobs
from records import now
from tests.carried_jobs import Place, at_vendor, state_of
from tests.hosted import openai
from tests.hosted_jobs import add_job
from tests.vendors.openai_vendor import OpenAIVendor
from waiting import reaping
from waiting.ending import crash_silent, end_runs, ends_of
from waiting.parking import PARKED
from waiting.reaping import Reaping
from waiting.stopping import stop

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def vendor(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIVendor]:
    monkeypatch.setattr(reaping, "SETTLING", timedelta(0))
    # other tests leave runs on the session's server
    monkeypatch.setattr(reaping, "SILENCE", timedelta(days=1))
    monkeypatch.setattr(reaping, "STARTING", timedelta(days=1))
    with openai(monkeypatch, jobs_end=False) as made:
        yield made


@pytest.fixture
def place(vendor: OpenAIVendor, tmp_path: Path) -> Place:
    return Place(tmp_path / "data")


def test_each_end_of_a_run_has_its_consequence(place: Place, vendor: OpenAIVendor) -> None:
    from prefect.states import Cancelled, Completed, Crashed, Failed, Running

    cancelled, crashed, failed, let_go, shared, foreign = (place.started(seed) for seed in range(6))
    place.carried(cancelled, Running(), Cancelled())
    dead = place.carried(crashed, Running(), Crashed(message="killed"))
    place.carried(failed, Running(), Failed(message="no such file"))
    place.carried(let_go, Running(), Completed())
    place.carried(shared, Running())
    place.carried(shared, Running(), Cancelled())
    place.carried(foreign, Running(), Cancelled())
    # a program at a terminal took it up since, of which the server knows nothing
    place.registry.carry(str(uuid4()), foreign.id)

    done = Reaping(place.asking).reap()
    assert (done.cancelled, done.failed, done.kept) == ((cancelled.id,), (failed.id,), ())
    assert done.went_on == (dead,) and state_of(dead) == "AwaitingRetry"
    assert place.registry.job(cancelled.id).status == "cancelled"
    assert at_vendor(vendor, cancelled) == "cancelled"
    failure = place.registry.job(failed.id).failure
    assert failure and "no such file" in failure.message and failed.id in failure.hint
    for untouched in (crashed, let_go, shared, foreign):
        assert place.registry.job(untouched.id).status == "in_progress"
    # what was paid for is found there by a retry
    for kept in (crashed, failed, let_go, shared, foreign):
        assert at_vendor(vendor, kept) != "cancelled"

    again = Reaping(place.asking).reap()
    assert (again.cancelled, again.failed, again.went_on) == ((), (), ())


def test_a_run_that_was_cancelled_while_parked_takes_its_job_up_when_it_is_retried(place: Place) -> None:
    """By hand on Prefect's pages: it used to fail at once, as its job was cancelled."""
    from prefect.states import Cancelled, Scheduled

    job = place.started(0)
    run = place.carried(job, Scheduled(name=PARKED), Cancelled())
    place.registry.carry(run, job.id, parked=True)
    assert Reaping(place.asking).reap().cancelled == (job.id,)
    assert place.registry.resume(run) is None


def test_a_run_that_dies_again_and_again_ends_with_its_job(place: Place, vendor: OpenAIVendor) -> None:
    from prefect.states import Crashed, Running

    job = place.started(1)
    # each death is told twice
    deaths = [Running(), Crashed(), Crashed()]
    run = place.carried(job, *deaths, *[state.model_copy() for state in deaths])
    assert Reaping(place.asking).reap().went_on == (run,)
    place.registry.carry(run, job.id)
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        for state in (Running(), Crashed(message="out of memory")):
            client.set_flow_run_state(UUID(run), state, force=True)
    assert Reaping(place.asking).reap().failed == (job.id,)
    failure = place.registry.job(job.id).failure
    assert failure and "out of memory" in failure.message
    assert at_vendor(vendor, job) == "cancelled" and state_of(run) == "Crashed"


def test_a_run_that_fell_silent_before_its_first_heartbeat_goes_on(place: Place) -> None:
    from prefect.states import Running

    dead, alive, unheard, new = (place.started(seed) for seed in range(4))
    silent, beating, mute = (place.carried(job, Running()) for job in (dead, alive, unheard))
    sign_of_life(silent, "pull-step.executed")
    since = now()
    sign_of_life(beating, "heartbeat")
    started = place.carried(new, Running())
    sign_of_life(started, "pull-step.executed")
    assert crash_silent(since, now() - timedelta(days=1)) == 1
    assert silent in Reaping(place.asking).reap().went_on
    assert state_of(silent) == "AwaitingRetry"
    assert [state_of(run) for run in (beating, mute, started)] == ["Running"] * 3


def test_a_run_that_a_worker_took_and_never_began_goes_on(place: Place) -> None:
    from prefect.states import Pending

    jobs = [place.started(seed) for seed in range(4)]
    lost, starting, queued = (
        place.carried(job, Pending(), pool=pool)
        for job, pool in zip(jobs, ("process", "process", "kubernetes"), strict=False)
    )
    taken_since = now()
    sign_of_life(starting, "pull-step.executed")
    new = place.carried(jobs[3], Pending(), pool="process")
    crash_silent(now() - timedelta(days=1), taken_since)
    assert lost in Reaping(place.asking).reap().went_on
    assert state_of(lost) == "AwaitingRetry"
    assert [state_of(run) for run in (starting, queued, new)] == ["Pending"] * 3


def test_the_pass_of_each_minute_reaps_too(place: Place, vendor: OpenAIVendor) -> None:
    from prefect.states import Cancelled, Running

    job = place.started(1)
    place.carried(job, Running(), Cancelled())
    assert sync_jobs() == 0
    assert place.registry.job(job.id).status == at_vendor(vendor, job) == "cancelled"


def sign_of_life(run: str, kind: str) -> None:
    """What a run's process sends."""
    from prefect.client.orchestration import get_client

    resource = {"prefect.resource.id": f"prefect.flow-run.{run}"}
    event = {"event": f"prefect.flow-run.{kind}", "resource": resource, "id": str(uuid4())}
    with get_client(sync_client=True) as client:
        sent = [event | {"occurred": now().isoformat()}]
        client.request("POST", "/events", json=sent).raise_for_status()
        for _ in range(100):
            asked = {"filter": {"resource": {"id": [resource["prefect.resource.id"]]}}}
            events = client.request("POST", "/events/filter", json=asked).json()["events"]
            if any(one["event"] == event["event"] for one in events):
                return
            time.sleep(0.2)
    raise AssertionError("the server has not kept the event")


def test_a_vendor_that_is_away_is_asked_again(place: Place, vendor: OpenAIVendor) -> None:
    from prefect.states import Cancelled, Running

    job = place.started(1)
    place.carried(job, Running(), Cancelled())
    vendor.fault("POST", "/cancel$", status=503, times=10)
    assert Reaping(place.asking).reap().kept == (job.id,)
    assert place.registry.job(job.id).status == "in_progress"
    vendor.faults.clear()
    assert Reaping(place.asking).reap().cancelled == (job.id,)


def test_runs_without_a_process_are_ended_at_once(place: Place) -> None:
    from prefect.states import Cancelling, Running, Scheduled

    job = place.started(1)
    parked = place.carried(job, Running(), Scheduled(name="WaitingForProvider"))
    clicked = place.carried(job, Running(), Scheduled(name="WaitingForProvider"), Cancelling())
    running = place.carried(job, Running())
    stopping = place.carried(job, Running(), Cancelling())
    assert end_runs([parked, running]) == 2
    assert (state_of(parked), state_of(running)) == ("Cancelled", "Cancelling")
    Reaping(place.asking).reap()
    assert (state_of(clicked), state_of(stopping)) == ("Cancelled", "Cancelling")
    assert ends_of([parked, stopping])[stopping].how is None


def test_what_was_submitted_without_a_word_is_found_and_stopped(place: Place, vendor: OpenAIVendor) -> None:
    job = place.started(1)
    unheard = place.registry.update_job(job.id, status="queued", remote_id=None)
    assert stop(unheard, place.asking).status == "cancelled"
    assert at_vendor(vendor, job) == "cancelled"
    # nothing is at the vendor: it isn't asked
    new = add_job(place.registry, place.dataset, 2)
    before = len(vendor.log)
    assert stop(new, place.asking).status == "cancelled" and len(vendor.log) == before
