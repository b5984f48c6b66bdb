"""A teacher writes questions and answers out of the documents."""

import logging

from prefect import task

import providers
from preparation.teacher.answers import Reply
from preparation.teacher.teach import teach as ask_teacher
from records import Preparation, Rows
from settings import secret_named, settings
from tasks.retries import PATIENT
from tasks.wiring import workspace

log = logging.getLogger("luthier.teach")


@task(name="teach", **PATIENT)
def teach(rows: Rows, use_case: str, preparation: Preparation) -> Rows:
    """The rows with a teacher's pairs in place of texts. What was answered once is not asked again."""
    teacher = preparation.teacher
    if teacher is None:
        return rows
    endpoint = providers.teacher(teacher, secret_named(teacher.key))
    with workspace("teach", rows.uri, use_case, preparation.model_dump()) as place:
        taught = ask_teacher(
            rows,
            place,
            lambda instruction, material: Reply(*endpoint.ask(instruction, material)),
            use_case=use_case,
            teacher=teacher,
            cache=settings().root / "cache" / "teacher",
            redaction=preparation.redaction if preparation.redact else None,
        )
    log.info("%s", taught.findings[-1].message)
    return taught
