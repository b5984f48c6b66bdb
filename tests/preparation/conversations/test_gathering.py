"""Mails of several files become conversations, people of a chat get their names."""

import json
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from preparation.clean import clean
from preparation.ingest import ingest
from preparation.rowfile import read_drops, read_rows
from preparation.structure import structure
from records import Row, Rows

LENA, DESK = "Lena Hart <lena@guest.example>", "Ferry Desk <desk@ferry.example>"


def mail(
    sender: str, subject: str, text: str, minute: int, answers: str = "", page: str = ""
) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["Subject"], message["Message-ID"] = sender, subject, f"<{minute}@x>"
    message["Date"] = f"Mon, 02 Mar 2026 10:{minute:02}:00 +0000"
    if answers:
        message["In-Reply-To"] = answers
    message.set_content(page or text, subtype="html" if page else "plain")
    return message


def cleaned(folder: Path, assistant: str | None = None, held: tuple[str, ...] = ()) -> tuple[list[Row], Rows]:
    out = folder.parent / "out"
    rows = clean(ingest([str(folder)], out / "in", held=held), out / "clean", assistant=assistant)
    return list(read_rows(rows.uri)), rows


def said(row: Row) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in row.messages]


def thread(folder: Path) -> Path:
    """Four mails in files whose names say nothing of their order."""
    folder.mkdir()
    quote = "\n\nOn Mon, 2 Mar 2026 at 10:00, Lena Hart\n<lena@guest.example> wrote:\n> May I bring a dog?\n"
    page = "<p>No muzzle.</p><div>On Monday Lena wrote:</div><blockquote>Does it need a muzzle?</blockquote>"
    outlook = "\n\nVon: Ferry Desk <desk@ferry.example>\nGesendet: Montag\nAn: Lena\n\nDogs are free."
    mails = {
        "d.eml": mail(LENA, "Dog", "May I bring a dog?\n\n-- \nLena Hart\nTel. 0171 5551234", 0),
        "b.eml": mail(DESK, "Re: Dog", f"Dogs are welcome and free.{quote}", 1, "<0@x>"),
        "c.eml": mail("lena@guest.example", "AW: Re: Dog", f"Does it need a muzzle?{outlook}", 2),
        "a.eml": mail(DESK, "Re: AW: Dog", "", 3, "<2@x>", page),
        "e.eml": mail("news@ferry.example", "Summer", "From June on the ferry leaves every two hours.", 4),
    }
    for name, message in mails.items():
        (folder / name).write_bytes(message.as_bytes())
    return folder


def test_mails_of_several_files_are_one_conversation(tmp_path: Path) -> None:
    rows, made = cleaned(thread(tmp_path / "mails"))
    (talk,) = [row for row in rows if row.messages]
    assert said(talk) == [
        ("user", "May I bring a dog?"),
        ("assistant", "Dogs are welcome and free."),
        ("user", "Does it need a muzzle?"),
        ("assistant", "No muzzle."),
    ]
    assert talk.source.uri.endswith("d.eml")
    assert [row.text for row in rows if row.text] == ["From June on the ferry leaves every two hours."]
    assert made.dropped == {"quoted mail": 3, "signature of a mail": 1}
    assert "<PHONE_1>" in next(d.excerpt for d in read_drops(made.drops_uri) if d.reason.startswith("sig"))


def test_the_assistant_of_mails_is_called_by_name_address_or_what_is_before_the_at(tmp_path: Path) -> None:
    for number, name in enumerate(("lena hart", "lena@guest.example", "lena", LENA)):
        folder = tmp_path / str(number)
        folder.mkdir()
        rows = cleaned(thread(folder / "mails"), name)[0]
        assert next(said(row) for row in rows if row.messages)[0] == ("assistant", "May I bring a dog?")


def test_mailboxes_of_received_and_sent_mails_are_joined(tmp_path: Path) -> None:
    folder = tmp_path / "mails"
    folder.mkdir()
    for name, messages in {
        "inbox.mbox": [mail(LENA, "Dog", "May I?", 0), mail(LENA, "Bike", "And a bike?", 5)],
        "sent.mbox": [
            mail(DESK, "Re: Bike", "Yes, a bike too.", 6),
            mail(DESK, "Re: Dog", "Yes.", 1, "<0@x>"),
        ],
    }.items():
        written = (b"From x Mon Mar  2 10:00:00 2026\n" + one.as_bytes() + b"\n" for one in messages)
        (folder / name).write_bytes(b"".join(written))
    rows = cleaned(folder)[0]
    assert sorted(said(row) for row in rows) == [
        [("user", "And a bike?"), ("assistant", "Yes, a bike too.")],
        [("user", "May I?"), ("assistant", "Yes.")],
    ]


def test_a_mail_that_is_held_out_is_not_joined_with_one_to_train_on(tmp_path: Path) -> None:
    folder, aside = tmp_path / "mails", tmp_path / "aside"
    for place in (folder, aside):
        place.mkdir()
    (folder / "a.eml").write_bytes(mail(LENA, "Dog", "May I bring a dog on the ferry?", 0).as_bytes())
    (aside / "b.eml").write_bytes(mail(DESK, "Re: Dog", "Dogs are welcome and free.", 1, "<0@x>").as_bytes())
    rows = cleaned(folder, held=(str(aside),))[0]
    assert sorted(row.text for row in rows) == [
        "Dogs are welcome and free.",
        "May I bring a dog on the ferry?",
    ]


def slack(folder: Path) -> Path:
    (folder / "support").mkdir(parents=True)
    people = [
        {"id": "U1", "name": "ann", "profile": {"real_name": "Ann Berg"}},
        {"id": "U2", "name": "desk", "real_name": "Help Desk", "profile": {}},
    ]
    day = [
        {"type": "message", "subtype": "channel_join", "user": "U1", "text": "joined", "ts": "1704100000.1"},
        {"type": "message", "user": "U1", "text": "Is it &lt;up&gt;, <@U2>?", "ts": "1704100001.1"},
        {"type": "message", "user": "U2", "text": "See <https://a.example|the page>.", "ts": "1704100002.1"},
    ]
    (folder / "users.json").write_text(json.dumps(people))
    (folder / "channels.json").write_text(json.dumps([{"id": "C1", "name": "support", "members": ["U1"]}]))
    (folder / "support/2024-01-01.json").write_text(json.dumps(day))
    return folder


def test_people_of_an_export_of_slack_are_called_by_their_names(tmp_path: Path) -> None:
    rows, made = cleaned(slack(tmp_path / "export"), "ann berg")
    assert [said(row) for row in rows] == [
        [("assistant", "Is it <up>, @Help Desk?"), ("user", "See the page.")]
    ]
    (finding,) = [one for one in made.findings if one.rule == "assistant"]
    assert "“Ann Berg” speaks as the assistant" in finding.message and "“Help Desk”" in finding.hint
    assert sum(made.dropped.values()) == 2


def over_midnight(folder: Path, channel: str = "support") -> Path:
    """A thread of four messages over two days, and another talk on the second."""
    asked = {"type": "message", "user": "U1", "text": "Does the boat leave?", "ts": "1704149990.1"}
    days = {
        "2024-01-01": [
            {**asked, "thread_ts": asked["ts"]},
            {**asked, "user": "U2", "text": "Until when?", "ts": "1704149999.1", "thread_ts": asked["ts"]},
        ],
        "2024-01-02": [
            {**asked, "user": "U1", "text": "Until ten.", "ts": "1704153601.1", "thread_ts": asked["ts"]},
            {**asked, "user": "U1", "text": "Good morning!", "ts": "1704180000.1"},
            {**asked, "user": "U2", "text": "Until two.", "ts": "1704153700.1", "thread_ts": asked["ts"],
             "subtype": "thread_broadcast"},
            {**asked, "user": "U2", "text": "Morning!", "ts": "1704180001.1"},
        ],
    }  # fmt: skip
    (folder / channel).mkdir(parents=True)
    for day, messages in days.items():
        (folder / channel / f"{day}.json").write_text(json.dumps(messages))
    return folder


def test_a_thread_that_goes_on_after_midnight_is_one_conversation(tmp_path: Path) -> None:
    rows, _ = cleaned(over_midnight(tmp_path / "export"), "U2")
    whole, morning = sorted(rows, key=lambda row: -len(row.messages))
    assert [content for _, content in said(whole)] == [
        "Does the boat leave?",
        "Until when?",
        "Until ten.",
        "Until two.",
    ]
    assert [Path(source.uri).name for source in (whole.source, *whole.also)] == [
        "2024-01-01.json",
        "2024-01-02.json",
    ]
    assert said(morning) == [("user", "Good morning!"), ("assistant", "Morning!")]


def test_threads_of_two_channels_and_of_held_out_days_stay_apart(tmp_path: Path) -> None:
    folder = over_midnight(tmp_path / "export")
    over_midnight(folder, "other")
    assert sorted(len(row.messages) for row in cleaned(folder, "U2")[0]) == [2, 4]  # the same said twice
    day = str(folder / "support/2024-01-02.json")
    apart, made = cleaned(folder, "U2", held=(day,))
    assert sorted(len(row.messages) for row in apart) == [2, 2, 2, 4]
    assert made.dropped == {"duplicate": 1}


@pytest.mark.parametrize(
    ("folder_of", "joined"),
    [(thread, ["d.eml", "b.eml", "c.eml", "a.eml"]), (over_midnight, ["2024-01-01.json", "2024-01-02.json"])],
)
def test_a_file_that_went_into_the_conversation_of_another_was_used(
    folder_of: Callable[[Path], Path], joined: list[str], tmp_path: Path
) -> None:
    _, rows = cleaned(folder_of(tmp_path / "in"))
    made = structure(rows, tmp_path / "made", use_case="Answer questions of guests")
    assert [file.name for file in made.report.files if not file.used] == []
    origins = [json.loads(line)["sources"] for line in Path(made.lineage_uri).read_text().splitlines()]
    assert joined in [[Path(source["uri"]).name for source in sources] for sources in origins]


def test_a_talk_in_a_text_is_a_conversation(tmp_path: Path) -> None:
    folder = tmp_path / "talks"
    folder.mkdir()
    (folder / "a.txt").write_text("Agent: Hello, how can I help?\nCaller: Is it open?\nAgent: Until six.\n")
    (folder / "b.md").write_text("**Customer:** Does it take bikes?\n\n**Support:** Ten on each trip.\n")
    rows, made = cleaned(folder)
    assert sorted(map(said, rows)) == [
        [("assistant", "Hello, how can I help?"), ("user", "Is it open?"), ("assistant", "Until six.")],
        [("user", "Does it take bikes?"), ("assistant", "Ten on each trip.")],
    ]
    assert made.dropped == {}
