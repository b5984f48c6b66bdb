import pytest

from preparation.conversations.spoken import spoken, spoken_in_cell
from records import Row, Source


def talks(new, text: str) -> list[list[tuple[str, str]]]:
    rows = list(spoken(new.section(1, text)))
    return [
        [(name, message.content) for name, message in zip(row.speakers, row.messages, strict=True)]
        for row in rows
        if row.speakers
    ]


def test_names_before_colons_that_come_back_are_speakers(new) -> None:
    text = "Maria Lopez: When does it leave?\nBen: At noon.\nMaria Lopez: And back?\nBen: At six,\nif it may."
    assert talks(new, text) == [
        [
            ("Maria Lopez", "When does it leave?"),
            ("Ben", "At noon."),
            ("Maria Lopez", "And back?"),
            ("Ben", "At six,\nif it may."),
        ]
    ]


@pytest.mark.parametrize(
    "text",
    [
        "**Customer:** Does it take bikes?\n\n**Support:** Ten on each trip.",
        "**Customer**: Does it take bikes?\n**Support**: Ten on each trip.",
        "- User: Does it take bikes?\n- Assistant: Ten on each trip.",
        "[00:12] Caller: Does it take bikes?\n[00:20] Agent (desk 2): Ten on each trip.",
        "Kunde: Nimmt sie Räder mit?\nBerater: Zehn je Fahrt.",
        "user: Does it take bikes?\nassistant: Ten on each trip.",
    ],
)
def test_roles_are_speakers_from_the_first_turn_on(new, text: str) -> None:
    ((one, other),) = talks(new, text)
    assert one[1].endswith("?") and other[1].endswith(".")


def test_what_stands_before_a_talk_stays_a_text(new) -> None:
    text = "Recorded at the quay.\n\nCaller: Is it open?\nAgent: Until six."
    before, talk = spoken(new.section(7, text, "Calls"))
    assert (before.text, before.source.line) == ("Recorded at the quay.", 7)
    assert (talk.heading, talk.source.line) == (("Calls",), 9)


@pytest.mark.parametrize(
    "text",
    [
        "Note: it leaves at noon.\nWarning: the deck is wet.\nNote: bring a coat.\nWarning: it may rain.",
        "Question: Is it open?\nAnswer: Until six.\nQuestion: And on Sunday?\nAnswer: Closed all day.",
        "Port: Oslo\nFare: 20\nPort: Bergen\nFare: 30\nPort: Moss\nFare: 10",
        "The ferry: it leaves at noon. We knew: nobody waits.",
        "2024-01-01 10:00:01 INFO: Started well.\n2024-01-01 10:00:02 INFO: Ended well.",
        "```\nAgent: Hello there.\nCaller: Hello to you.\n```",
        "Adults: Four euros a trip.\nChildren: Two euros.\nDogs: They travel free.\nBikes: One euro each.",
    ],
)
def test_other_colons_are_no_talk(new, text: str) -> None:
    (row,) = spoken(new.section(1, text))
    assert row.text == text


TALK = "Customer: Is it late?\nAgent: No.\nIt comes today.\nCustomer: Thanks.\nAgent: Bye."


def test_a_cell_in_which_people_speak_is_their_conversation() -> None:
    record = Row(source=Source(uri="/data/calls.csv", row=3), fields={"id": "7", "text": TALK})
    (row,) = spoken_in_cell(record)
    assert [message.content for message in row.messages] == [
        "Is it late?",
        "No.\nIt comes today.",
        "Thanks.",
        "Bye.",
    ]
    assert row.speakers == ("Customer", "Agent") * 2
    assert row.source == record.source


@pytest.mark.parametrize(
    "fields",
    [
        {"dialogue": TALK, "summary": "It is not late."},
        {"text": TALK, "ticket category": "parcels"},
        {"text": f"A call of Monday.\n{TALK}"},
        {"text": "Note: one\nOrder: two"},
    ],
)
def test_a_record_with_an_answer_or_a_label_stays_one(fields: dict[str, str]) -> None:
    record = Row(source=Source(uri="/data/calls.csv", row=3), fields=fields)
    assert list(spoken_in_cell(record)) == [record]
