"""Slots of the server's limits that nobody holds any more.

A slot is lent: one that isn't renewed falls back after minutes. But by default a Prefect server keeps in
its memory what it has lent, so the slots that were taken when it was restarted stay taken for ever. Whoever
holds one therefore says so at its run, and whoever waits for one looks for those that nobody claims.
"""

import logging
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import UUID

from errors import Unavailable
from waiting.ending import ours
from waiting.parking import server

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

log = logging.getLogger("luthier.waiting")

LABEL = "luthier.slot"
# longer than the server lends a slot to one who does not renew it
LENT_SECONDS = 300.0


def claim(name: str, flow_run_id: str) -> None:
    """The run holds a slot of that limit from now on, or none if the name is empty."""
    try:
        with server() as client:
            client.update_flow_run_labels(UUID(flow_run_id), {LABEL: name})
    except Unavailable as error:
        # a server that is away for a while must not end a training that goes well
        log.warning("%s", error)


class Unclaimed:
    """Slots of a limit that are taken and claimed by no run, as one sees them who waits."""

    def __init__(self, name: str):
        self.name = name
        self.since: float | None = None

    def give_back(self) -> int:
        """Those that have been unclaimed all the time since this was first called, if that was long ago.

        Raises Unavailable.
        """
        with server() as client:
            lost = self._count(client)
            if not lost:
                self.since = None
                return 0
            now = monotonic()
            self.since = now if self.since is None else self.since
            if now < self.since + LENT_SECONDS:
                return 0
            log.warning(
                "%d slots of the limit %s were lost by the server and are given back.", lost, self.name
            )
            client.release_concurrency_slots([self.name], lost, occupancy_seconds=LENT_SECONDS)
            self.since = None
        return lost

    def _count(self, client: "SyncPrefectClient") -> int:
        taken = client.read_global_concurrency_limit_by_name(self.name).active_slots
        wanted: dict[str, Any] = {"state": {"type": {"any_": ["RUNNING", "CANCELLING"]}}}
        claimed = sum(run.labels.get(LABEL) == self.name for run in ours(client, wanted))
        return max(0, taken - claimed)
