import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from errors import NotFound, Unavailable
from registry import Registry

ROOT = Path(__file__).parents[2]


def test_the_first_to_intend_gets_the_claim(registry):
    submission, token = registry.intend("job-1", "openai", "key-1")
    assert token
    assert (submission.provider, submission.key, submission.claims) == ("openai", "key-1", 1)
    assert submission.remote_id is None
    assert submission.claimed_until > submission.intended_at


def test_a_second_worker_sees_the_intent_but_gets_no_claim(registry):
    first, _ = registry.intend("job-1", "openai", "key-1")
    second, token = registry.intend("job-1", "openai", "key-2")
    assert token is None
    assert second == first


def test_once_the_vendors_id_is_recorded_nobody_gets_the_claim(registry):
    registry.intend("job-1", "openai", "key-1")
    recorded = registry.record_remote("job-1", "ftjob-7")
    assert (recorded.remote_id, recorded.claimed_until) == ("ftjob-7", None)
    assert recorded.recorded_at
    assert registry.intend("job-1", "openai", "key-1") == (recorded, None)
    assert registry.submitted("job-1") == recorded


def test_the_first_recorded_id_stays(registry):
    registry.intend("job-1", "openai", "key-1")
    registry.record_remote("job-1", "ftjob-7")
    assert registry.record_remote("job-1", "ftjob-8").remote_id == "ftjob-7"


def test_an_expired_claim_is_taken_over_and_says_that_it_is_the_second(registry):
    registry.intend("job-1", "openai", "key-1", hold=timedelta(seconds=-1))
    submission, token = registry.intend("job-1", "openai", "key-1")
    assert token
    assert submission.claims == 2


def test_a_released_claim_can_be_taken_at_once(registry):
    _, token = registry.intend("job-1", "openai", "key-1")
    registry.release("job-1", token)
    submission, again = registry.intend("job-1", "openai", "key-1")
    assert again and again != token
    assert submission.claims == 2


def test_an_order_leaves_a_doubt_until_its_answer_is_known(registry):
    _, token = registry.intend("job-1", "openai", "key-1")
    assert registry.submitted("job-1").doubtful_until is None
    registry.order("job-1", token)
    registry.release("job-1", token)
    in_doubt = registry.submitted("job-1")
    assert in_doubt.doubtful_until > in_doubt.ordered_at
    assert registry.record_remote("job-1", "ftjob-7").doubtful_until is None


def test_a_refused_order_leaves_no_doubt(registry):
    _, token = registry.intend("job-1", "openai", "key-1")
    registry.order("job-1", token)
    registry.not_ordered("job-1", token)
    assert registry.submitted("job-1").doubtful_until is None


def test_who_lost_the_claim_in_a_long_upload_orders_nothing(registry):
    _, lost = registry.intend("job-1", "openai", "key-1", hold=timedelta(seconds=-1))
    _, token = registry.intend("job-1", "openai", "key-1")
    with pytest.raises(Unavailable, match="Another worker"):
        registry.order("job-1", lost)
    registry.order("job-1", token)
    registry.not_ordered("job-1", lost)
    assert registry.submitted("job-1").doubtful_until


def test_a_claim_that_was_lost_cannot_release_the_new_one(registry):
    _, lost = registry.intend("job-1", "openai", "key-1", hold=timedelta(seconds=-1))
    registry.intend("job-1", "openai", "key-1")
    registry.release("job-1", lost)
    assert registry.intend("job-1", "openai", "key-1").token is None


def test_a_worker_that_lost_its_claim_still_records_what_it_bought(registry):
    registry.intend("job-1", "openai", "key-1", hold=timedelta(seconds=-1))
    registry.intend("job-1", "openai", "key-1")
    assert registry.record_remote("job-1", "ftjob-7").remote_id == "ftjob-7"


def test_nothing_is_known_of_a_job_that_was_never_intended(registry):
    assert registry.submitted("job-1") is None
    with pytest.raises(NotFound, match="job-1"):
        registry.record_remote("job-1", "ftjob-7")


def test_of_many_threads_exactly_one_gets_the_claim(registry):
    tokens = []
    start = threading.Barrier(12)

    def claim() -> None:
        own = Registry(registry.url, registry.home, "")
        start.wait()
        tokens.append(own.intend("job-1", "openai", "key-1").token)

    threads = [threading.Thread(target=claim) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(token is not None for token in tokens) == 1


def test_of_several_processes_exactly_one_gets_the_claim(registry):
    # each lives until all have asked: the claim of a process that is gone is taken over
    code = (
        "from pathlib import Path; from registry import Registry; "
        f"token = Registry({registry.url!r}, Path('.'), '').intend('job-1', 'openai', 'key-1').token; "
        "print(token, flush=True); input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, **pipes) for _ in range(4)]
    tokens = [process.stdout.readline().strip() for process in running]
    for process in running:
        process.communicate("\n")
    assert all(tokens) and sorted(token == "None" for token in tokens) == [False, True, True, True]


def claimed_and_killed(registry) -> None:
    code = (
        "import os; from pathlib import Path; from registry import Registry; "
        f"Registry({registry.url!r}, Path('.'), '').intend('job-1', 'openai', 'key-1'); "
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == -9


def test_a_claim_of_a_killed_process_is_taken_over_at_once_and_says_that_it_is_the_second(registry):
    claimed_and_killed(registry)
    submission, token = registry.intend("job-1", "openai", "key-1")
    assert (submission.claims, bool(token)) == (2, True)


def test_a_claim_of_another_machines_process_is_waited_out(registry, monkeypatch):
    claimed_and_killed(registry)
    monkeypatch.setattr("processes.place", lambda: "elsewhere")
    submission, token = registry.intend("job-1", "openai", "key-1")
    assert (submission.claims, token) == (1, None)


def test_a_holder_lives_on_when_the_clock_is_set(registry, monkeypatch):
    """A suspended laptop, a virtual machine that was moved: the moment of the boot is told anew."""
    registry.intend("job-1", "openai", "key-1")
    before = psutil._psplatform.boot_time()
    monkeypatch.setattr(psutil._psplatform, "boot_time", lambda: before + 3600)
    assert registry.intend("job-1", "openai", "key-1").token is None
