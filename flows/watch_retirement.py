"""Every day: which models stop answering, and when: `luthier models retiring`."""

from prefect import flow

from batch.chores import Retirement
from tasks.find_retiring import find_retiring
from tasks.tell_retiring import tell_retiring


@flow(name="watch-retirement", persist_result=True, result_serializer="json")
def watch_retirement() -> list[Retirement]:
    """Compare every model's base with the vendors' dates and the catalogue; tell 90, 30 and 7 days before."""
    return tell_retiring(find_retiring())
