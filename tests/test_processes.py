import os
import subprocess
import sys

import psutil
import pytest

import processes


@pytest.fixture
def other():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def test_a_process_lives_until_it_has_ended(other):
    born = processes.birth(other.pid)
    assert processes.lives(other.pid, born) is True
    other.kill()
    other.wait()
    assert processes.lives(other.pid, born) is False
    assert processes.birth(other.pid) is None


def test_one_that_has_ended_and_was_not_fetched_lives_no_more(other):
    born = processes.birth(other.pid)
    other.stdin.close()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert processes.lives(other.pid, born) is False


def test_a_process_that_got_the_id_of_another_is_told_apart():
    place, started = processes.birth(os.getpid()).split(".")
    assert processes.lives(os.getpid(), f"{place}.{int(started) - 60}") is False


@pytest.mark.parametrize("born", ["", "elsewhere.7", "1764540000.5"])
def test_what_was_born_at_another_place_can_not_be_seen(born):
    assert processes.lives(os.getpid(), born) is None
    assert processes.age(born) == float("inf")


def test_what_ended_before_it_was_looked_at_has_not_lived_long():
    assert processes.lives(os.getpid(), None) is None
    assert processes.age(None) == 0


@pytest.mark.parametrize("seconds", [-3600, 0, 3600])
def test_a_clock_that_is_set_changes_nothing(seconds, monkeypatch):
    """A suspended laptop, a virtual machine that was moved: the moment of the boot is told anew."""
    born = processes.birth(os.getpid())
    boot, clock = psutil._psplatform.boot_time(), processes.time.time
    before = processes.age(born)
    monkeypatch.setattr(psutil._psplatform, "boot_time", lambda: boot + seconds)
    monkeypatch.setattr(processes.time, "time", lambda: clock() + seconds)
    assert processes.lives(os.getpid(), born) is True
    assert 0 <= before <= processes.age(born) < before + 600
