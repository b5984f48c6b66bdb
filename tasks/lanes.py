"""Many jobs at once in one process: own hardware trains one at a time, hosted vendors many.

Nobody waits for a single job: all that are open are asked for in turn, and what has ended is finished while
the others go on.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from prefect.exceptions import TerminationSignal

from errors import LuthierError
from providers import is_hosted
from records import Failure, Job
from settings import settings
from tasks.failures import ended_well
from tasks.limits import TrainingSlot
from tasks.wait import POLL_SECONDS, interrupted, interrupted_once
from tasks.wiring import open_registry, polling

log = logging.getLogger("luthier.lanes")

Work = TypeVar("Work")
LOOK_SECONDS = 0.2
SLOT_SECONDS = 10.0


# told of each piece of work once: its job can be finished or a failure stands; and of the seconds it took
Settle = Callable[[Work, Job | None, Failure | None, float], None]


class Lanes(Generic[Work]):
    """`provider_of` says whose lane a piece of work is in; `begin` starts its job, or finds it running."""

    def __init__(
        self,
        works: Iterable[Work],
        provider_of: Callable[[Work], str],
        begin: Callable[[Work], Job],
        settle: Settle[Work],
        hosted_at_once: int,
    ):
        self.waiting: dict[bool, deque[Work]] = {True: deque(), False: deque()}
        for work in works:
            self.waiting[not is_hosted(provider_of(work))].append(work)
        self.begin, self.settle = begin, settle
        self.room = {True: 1, False: hosted_at_once}
        self.open: list[tuple[Work, Job, float]] = []
        self.asked: dict[str, float] = {}
        self.slot, self.slot_tried = TrainingSlot(), -SLOT_SECONDS

    def run(self) -> None:
        """Until all is settled. Interrupted, it stops the open jobs at their providers."""
        with interrupted_once():
            try:
                while self.open or any(self.waiting.values()):
                    # hosted jobs first: they run elsewhere while own hardware is busy
                    for own in (False, True):
                        while self.waiting[own] and self._running(own) < self.room[own] and self._may(own):
                            self._begin(self.waiting[own].popleft(), own)
                    self._look()
                    if self.open or self.waiting[True]:
                        time.sleep(LOOK_SECONDS)
            except (KeyboardInterrupt, TerminationSignal):
                interrupted(job for _, job, _ in self.open)
                raise
            finally:
                self.slot.give_back()

    def _running(self, own: bool) -> int:
        return sum(is_hosted(job.provider) != own for _, job, _ in self.open)

    def _may(self, own: bool) -> bool:
        """Own hardware belongs to all runs of the server: a work waits for its slot, and the others go on."""
        if not own:
            return True
        if time.monotonic() < self.slot_tried + SLOT_SECONDS:
            return False
        free = self.slot.take(1.0)
        self.slot_tried = -SLOT_SECONDS if free else time.monotonic()
        return free

    def _begin(self, work: Work, own: bool) -> None:
        began = time.monotonic()
        with told_apart() as fault:
            job = self.begin(work)
        if own and (fault or job.status == "succeeded"):
            self.slot.give_back()
        if fault:
            self.settle(work, None, fault[0], time.monotonic() - began)
        elif job.status == "succeeded":
            self.settle(work, job, None, time.monotonic() - began)
        else:
            self.open.append((work, job, began))

    def _look(self) -> None:
        for entry in list(self.open):
            work, job, began = entry
            if not self._is_due(job):
                continue
            found = None
            with told_apart() as fault:
                found = looked_at(job)
            if fault or found:
                self.open.remove(entry)
                if not is_hosted(job.provider):
                    self.slot.give_back()
                self.settle(work, found, fault[0] if fault else None, time.monotonic() - began)

    def _is_due(self, job: Job) -> bool:
        moment, every = time.monotonic(), POLL_SECONDS.get(job.provider, settings().poll_seconds)
        last = self.asked.get(job.id)
        if last is not None and moment - last < every:
            return False
        self.asked[job.id] = moment
        return True


def looked_at(job: Job) -> Job | None:
    """The job once its training has ended well, none while it goes on. Raises its failure."""
    found = ended_well(polling().look(open_registry().job(job.id)))
    return None if found.waits else found


@contextmanager
def told_apart() -> Iterator[list[Failure]]:
    """What goes wrong with one piece of work becomes the one entry of the list, and the others go on."""
    failures: list[Failure] = []
    try:
        yield failures
    except LuthierError as error:
        failures.append(error.failure)
    except Exception as error:
        log.exception("A fault that nobody foresaw.")
        message = f"Luthier failed at a point that nobody foresaw: {type(error).__name__}: {error}."
        failures.append(Failure(code="error", message=message, hint="The log says where. Report it."))
