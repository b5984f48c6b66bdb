"""Noise, duplicates and private data out; each drop with its reason."""

import logging

from prefect import task

from preparation.clean import clean as clean_rows
from records import Preparation, Rows
from tasks.retries import PATIENT
from tasks.wiring import workspace

log = logging.getLogger("luthier.clean")


@task(name="clean", **PATIENT)
def clean(rows: Rows, preparation: Preparation) -> Rows:
    """Repair, redact and de-duplicate the rows."""
    with workspace("clean", rows.uri, preparation.model_dump()) as place:
        cleaned = clean_rows(
            rows,
            place,
            near_duplicates=preparation.near_duplicates,
            redact=preparation.redact,
            redaction=preparation.redaction,
            assistant=preparation.assistant,
        )
    dropped = ", ".join(f"{count} {reason}" for reason, count in cleaned.dropped.items())
    log.info("Kept %s of %s rows%s.", cleaned.count, rows.count, f" (dropped: {dropped})" if dropped else "")
    return cleaned
