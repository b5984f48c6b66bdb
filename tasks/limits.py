"""The server's global limits, which deployed runs insist on; a run at a terminal knows none."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency, rate_limit
from prefect.runtime import deployment, flow_run

from errors import NotConfigured, Unavailable
from providers import OWN_HARDWARE
from records import Job
from waiting.slots import Unclaimed, claim

WAIT_SECONDS = 60.0  # between looks for slots that were lost
# a process that was killed holds its slot so long; a server that is away for less loses none
LENT_SECONDS = 120.0


@contextmanager
def training_slot(job: Job) -> Iterator[None]:
    """Hold one of the `gpu` slots while a job trains on own hardware; waits for one."""
    if job.provider != OWN_HARDWARE:
        yield
        return
    slot = TrainingSlot()
    while not slot.take(WAIT_SECONDS):
        pass
    try:
        yield
    finally:
        slot.give_back()


class TrainingSlot:
    """A `gpu` slot, also for one who has more to do than to wait for it. A run at a terminal needs none."""

    def __init__(self) -> None:
        self.held, self.unclaimed = ExitStack(), Unclaimed(OWN_HARDWARE)
        if deployment.id:
            # the process that died may have held one
            claim("", flow_run.id)

    def take(self, seconds: float) -> bool:
        """Whether one came free meanwhile. Raises NotConfigured, Unavailable."""
        if not deployment.id:
            return True
        with insisting(OWN_HARDWARE):
            try:
                slot = concurrency(
                    OWN_HARDWARE,
                    strict=True,
                    timeout_seconds=seconds,
                    lease_duration=LENT_SECONDS,
                    # a server that is away for a while must not end a training that goes well
                    raise_on_lease_renewal_failure=False,
                )
                self.held.enter_context(slot)
            except TimeoutError:
                self.unclaimed.give_back()
                return False
        claim(OWN_HARDWARE, flow_run.id)
        self.held.callback(claim, "", flow_run.id)
        return True

    def give_back(self) -> None:
        self.held.close()


def at_rate(provider: str) -> None:
    """Wait until the provider's rate has room for a request more. Own hardware has none."""
    if deployment.id and provider != OWN_HARDWARE:
        with insisting(provider):
            rate_limit(provider, strict=True)


@contextmanager
def insisting(name: str) -> Iterator[None]:
    try:
        yield
    except ConcurrencySlotAcquisitionError as error:
        if error.__cause__:
            raise Unavailable(f"The Prefect server fails: {error}.", "Try again in a moment.") from error
        raise NotConfigured(
            f"The Prefect server has no limit called '{name}'.", "Run `luthier deploy` against it."
        ) from error
