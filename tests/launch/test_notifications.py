"""Who is named in LUTHIER_NOTIFY hears of what happens, by the server's automations."""

from datetime import UTC, datetime
from email.message import EmailMessage
from uuid import uuid4

import pytest

from tests.asking import CLIENT
from tests.launch.conftest import Furnished
from tests.launch.following import eventually


@pytest.mark.parametrize(
    ("event", "resource"),
    [
        ("luthier.model.retiring", "luthier.model.model-1"),
        ("luthier.approval.waiting", "luthier.dataset.ds-1"),
    ],
)
def test_the_sentence_of_an_event_reaches_the_webhook_and_the_mailbox(
    event: str, resource: str, furnished: Furnished
) -> None:
    mark = uuid4().hex
    happened = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": event,
        "resource": {"prefect.resource.id": resource},
        # with what breaks JSON and templates
        "payload": {
            "title": "Look here",
            "message": f'Someone said "{mark}" {{{{ 7 * 7 }}}}\n.',
            "hint": "Look at it.",
        },
    }
    CLIENT.post(f"{furnished.api}/events", json=[happened]).raise_for_status()
    told = eventually(lambda: next((one for one in furnished.told if mark in one["text"]), None))
    assert told["text"] == f'Someone said "{mark}" {{{{ 7 * 7 }}}}\n. Look at it.'
    mail = eventually(lambda: next((one for one in furnished.mails if mark in _text(one)), None))
    assert (mail["subject"], mail["to"]) == ("Look here", "ops@example.org")
    # lines of a mail are wrapped
    assert " ".join(_text(mail).split()) == " ".join(told["text"].split())


def _text(mail: EmailMessage) -> str:
    part = mail.get_body(["plain"])
    return str(part.get_content()) if part else ""
