"""Who looks after a run, where several runners share a registry.

A runner claims a run before it starts it, and says from time to time that it still looks after it. One that
has not been heard of until `held_until` is gone, and another may claim the run.
"""

from datetime import timedelta

from records import ENDED, now
from registry.database import Database
from registry.runs import Run, change_run, found_run


class Holding(Database):
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


def held_elsewhere(run: Run, place: str) -> bool:
    """Another runner starts it, or looks after its process, and has said so lately."""
    return run.place not in (None, place) and run.held_until is not None and run.held_until > now()
