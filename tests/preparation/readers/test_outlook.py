from datetime import UTC, datetime

from tests.preparation import outlook
from tests.preparation.samples import STORY

SENT = datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_a_message_is_text_under_its_subject_with_its_head(read) -> None:
    content = outlook.message(
        SENT, SUBJECT="Re: The ferry", BODY=f"{STORY}\r\n", SENDER="Ann Lee", ADDRESS="Ann@x.org", ID="<2@x>",
        ANSWERS="<1@x>",
    )  # fmt: skip
    (row,) = read("mail.msg", content)
    assert (row.heading, row.text) == (("The ferry",), STORY)
    head = row.letter
    assert (head.sender, head.name, head.id, head.above) == ("ann@x.org", "Ann Lee", "<2@x>", ("<1@x>",))
    assert (head.answers, head.at) == (True, SENT)


def test_headers_that_came_with_a_message_tell_the_same(read) -> None:
    heads = "From: Ann Lee <ann@x.org>\r\nMessage-ID: <2@x>\r\nReferences: <0@x> <1@x>\r\n\r\n"
    row, *_ = read("mail.msg", outlook.message(SUBJECT="The ferry", BODY=STORY * 50, HEADERS=heads))
    assert (row.letter.sender, row.letter.name, row.letter.id) == ("ann@x.org", "Ann Lee", "<2@x>")
    assert (row.letter.above, row.letter.at, row.letter.answers) == (("<0@x>", "<1@x>"), None, False)
