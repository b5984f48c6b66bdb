"""The server's global limits, which deployed runs insist on; a run at a terminal knows none."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency, rate_limit
from prefect.runtime import deployment, flow_run

from errors import NotConfigured, Unavailable
from records import Job
from waiting.slots import Unclaimed, claim

OWN_HARDWARE = "gpu"
WAIT_SECONDS = 60.0  # between looks for slots that were lost
# a process that was killed holds its slot so long; a server that is away for less loses none
LENT_SECONDS = 120.0


@contextmanager
def training_slot(job: Job) -> Iterator[None]:
    """Hold one of the `gpu` slots while a job trains on own hardware; waits for one."""
    with ExitStack() as held:
        if deployment.id and job.provider == OWN_HARDWARE:
            # the process that died may have held one
            claim("", flow_run.id)
            unclaimed = Unclaimed(OWN_HARDWARE)
            while not taken(held, WAIT_SECONDS):
                unclaimed.give_back()
        yield


def taken(held: ExitStack, seconds: float) -> bool:
    """Whether a `gpu` slot came free meanwhile; it is given back with `held`."""
    with insisting(OWN_HARDWARE):
        try:
            # a server that is away for a while must not end a training that goes well
            slot = concurrency(
                OWN_HARDWARE,
                strict=True,
                timeout_seconds=seconds,
                lease_duration=LENT_SECONDS,
                raise_on_lease_renewal_failure=False,
            )
            held.enter_context(slot)
        except TimeoutError:
            return False
    claim(OWN_HARDWARE, flow_run.id)
    held.callback(claim, "", flow_run.id)
    return True


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
