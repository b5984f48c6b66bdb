from email.message import EmailMessage

from tests.preparation.samples import HTML, STORY, eml


def test_attachments_are_members_and_the_subject_is_the_heading(read) -> None:
    row, attached = read("mail.eml", eml(b"A note.", "../note.txt"))
    assert (row.heading, row.text) == (("The ferry",), STORY)
    assert attached == ("note.txt", b"A note.")


def test_a_mail_of_nothing_but_html_is_read(read) -> None:
    message = EmailMessage()
    message["Subject"] = "=?utf-8?q?F=C3=A4hre?="
    message.set_content("<h2>Fares</h2><ul><li>Adults pay four</li></ul>", subtype="html")
    (row,) = read("page.eml", message.as_bytes())
    assert (row.heading, row.text) == (("Fähre", "Fares"), "- Adults pay four")


def test_a_mail_in_a_mail_is_a_member(read) -> None:
    message = EmailMessage()
    message["Subject"] = "Fwd"
    message.set_content("See below.")
    inner = EmailMessage()
    inner["Subject"] = "Inside"
    inner.set_content("Hello.")
    message.add_attachment(inner)
    _, (name, content) = read("forward.eml", message.as_bytes())
    assert name.endswith(".eml")
    assert b"Subject: Inside" in content


def test_a_page_that_a_browser_saved_is_a_page(read) -> None:
    message = EmailMessage()
    message["From"] = "<Saved by Blink>"
    message["Subject"] = "Ferry"
    message.set_content(HTML, subtype="html")
    rows = read("saved.mht", message.as_bytes())
    assert [row.heading for row in rows] == [("The ferry",), ("The ferry", "Fares")]


def test_words_of_an_unknown_or_wrong_charset_are_read(read) -> None:
    for charset in ("cp1252", "no-such-charset"):
        head = f"From: a\nSubject: x\nContent-Type: text/plain; charset={charset}\n\n".encode()
        (row,) = read("x.eml", head + "Die Fähre".encode("cp1252"))
        assert row.text == "Die Fähre"


def mailbox(*mails: tuple[str, str, str]) -> bytes:
    """Of sender, subject and text, in order of time."""
    written = ""
    for minute, (sender, subject, text) in enumerate(mails):
        date = f"Mon, 02 Mar 2026 10:{minute:02}:00 +0000"
        head = f"From: {sender}\nSubject: {subject}\nDate: {date}"
        written += f"From {sender} Mon Mar  2 10:00:00 2026\n{head}\n\n{text}\n\n"
    return written.encode()


def test_each_mail_of_a_mailbox_comes_with_its_head(read) -> None:
    one, two = read("box.mbox", mailbox(("Ann <A@x.org>", "Boat", "One?"), ("b@x.org", "Re: Boat", "Two.")))
    assert (one.text, one.heading, one.source.element) == ("One?", ("Boat",), 1)
    assert (one.letter.sender, one.letter.name, one.letter.answers) == ("a@x.org", "Ann", False)
    assert (two.letter.subject, two.letter.answers, two.letter.number) == ("Boat", True, 2)
    assert one.letter.at < two.letter.at
