"""Take up a dataset that was made before."""

import logging

from prefect import task

from records import Dataset
from tasks.retries import PATIENT
from tasks.wiring import open_registry

log = logging.getLogger("luthier.fetch")


@task(name="fetch dataset", **PATIENT)
def fetch_dataset(dataset_id: str) -> Dataset:
    """Raises NotFound for an id that the registry doesn't hold."""
    dataset = open_registry().dataset(dataset_id)
    log.info("Took up dataset %s: %s training examples.", dataset.id, dataset.report.train)
    return dataset
