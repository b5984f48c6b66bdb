"""Rows become training and holdout examples: a dataset, kept under the hash of its content."""

import logging

from prefect import task

from errors import InvalidData
from preparation.structure import structure as make_examples
from records import Dataset, Preparation, Rows
from tasks.retries import PATIENT
from tasks.wiring import open_registry, tell_run, workspace

log = logging.getLogger("luthier.structure")


@task(name="structure and split", **PATIENT)
def structure(rows: Rows, use_case: str, preparation: Preparation) -> Dataset:
    """Make examples for the use case, split them, and keep the dataset. Raises InvalidData without one."""
    if len(use_case.strip()) < 3:
        raise InvalidData("The use case is missing.", "Say in a sentence what the model is for.")
    with workspace("structure", rows.uri, use_case, preparation.model_dump()) as place:
        made = make_examples(
            rows,
            place,
            use_case=use_case,
            kind=preparation.kind,
            label=preparation.label,
            holdout=preparation.holdout,
            seed=preparation.seed,
            near_duplicates=preparation.near_duplicates,
        )
    dataset = open_registry().keep_dataset(made)
    tell_run(dataset_id=dataset.id)
    report = dataset.report
    log.info("Made %s training and %s holdout examples: %s", report.train, report.holdout, report.kind_reason)
    return dataset
