import pytest

from preparation.documents.fact_tables import cells, of_record, of_table
from preparation.documents.reference import drafts, strength
from records import Source

PROSE = "Trains come first for journeys under six hours. Flights need the approval of the head of department."


def pairs(*rows) -> dict[str, str]:
    return {draft.asked: draft.answer for draft in drafts(rows) if not draft.refused}


def test_questions_and_answers_with_marks_are_pairs(new) -> None:
    text = (
        "Q: When am I charged?\nA: On the first day of each month.\n\n"
        "Q2. Can I pay by invoice?\n\nA: Firms can.\n\nWrite to us with your tax number."
    )
    assert pairs(new.section(1, text, "FAQ")) == {
        "When am I charged?": "On the first day of each month.",
        "Can I pay by invoice?": "Firms can.\n\nWrite to us with your tax number.",
    }


def test_bold_questions_are_answered_by_what_follows(new) -> None:
    text = (
        "**Do you offer refunds?**\n\nYes, in 14 days.\n\nWrite to us.\n\n**Is there a student plan?**\nNo."
    )
    assert pairs(new.section(1, text, "FAQ")) == {
        "Do you offer refunds?": "Yes, in 14 days.\n\nWrite to us.",
        "Is there a student plan?": "No.",
    }


@pytest.mark.parametrize("number", ["{}. ", "{}) ", "({}) "])
def test_the_numbers_of_bold_questions_are_not_asked(new, number: str) -> None:
    one, two = number.format(1), number.format(12)
    text = f"**{one}Do you offer refunds?**\n\nYes, in 14 days.\n\n**{two}Is there a student plan?**\n\nNo."
    assert pairs(new.section(1, text, "FAQ")) == {
        "Do you offer refunds?": "Yes, in 14 days.",
        "Is there a student plan?": "No.",
    }


def test_marked_and_bold_questions_do_not_swallow_each_other(new) -> None:
    text = "Q: When?\nA: At ten.\n\n**Where do you leave from?**\n\nFrom the northern quay."
    assert pairs(new.section(1, text, "FAQ")) == {
        "When?": "At ten.",
        "Where do you leave from?": "From the northern quay.",
    }


def test_plain_questions_of_a_page_are_answered_by_the_next_paragraph(new) -> None:
    text = "What does it cost?\n\nTwenty euros a head.\n\nMay I bring my dog?\n\nYes, on a lead."
    assert pairs(new.page(1, text)) == {
        "What does it cost?": "Twenty euros a head.",
        "May I bring my dog?": "Yes, on a lead.",
    }


@pytest.mark.parametrize(
    ("asked", "answered"), [("Q", "A"), ("Frage", "Antwort"), ("Vraag", "Antwoord"), ("问", "答")]
)
def test_questions_set_apart_from_their_answers_keep_no_marks(new, asked: str, answered: str) -> None:
    text = "\n\n".join(f"{asked}: Is the {name} open?\n\n{answered}: Until six." for name in ("Bar", "Pool"))
    assert pairs(new.page(1, text)) == {"Is the Bar open?": "Until six.", "Is the Pool open?": "Until six."}


@pytest.mark.parametrize(
    "text",
    [
        "- What does it cost?\n  Twenty euros a head.\n- May I bring my dog?\n  Yes, on a lead.",
        "- What does it cost?\n\nTwenty euros a head.\n\n- May I bring my dog?\n\nYes, on a lead.",
        "1. What does it cost?\nTwenty euros a head.\n2. May I bring my dog?\n\nYes, on a lead.",
        "1) **What does it cost?**\n   A: Twenty euros a head.\n"
        "2) **May I bring my dog?**\n   A: Yes, on a lead.",
    ],
)
def test_questions_in_a_list_are_answered_below_each(new, text: str) -> None:
    assert pairs(new.page(1, text)) == {
        "What does it cost?": "Twenty euros a head.",
        "May I bring my dog?": "Yes, on a lead.",
    }


def test_a_list_of_questions_alone_has_no_answers(new) -> None:
    text = f"Think about:\n\n- Who pays for it?\n- Who drives there?\n- Who stays here?\n\n{PROSE}"
    assert not any("Who" in question for question in pairs(new.section(1, text, "Travel")))


def test_headings_that_ask_are_answered_by_their_section(new) -> None:
    assert pairs(new.section(1, PROSE, "Help", "Do I have to take the train?")) == {
        "Do I have to take the train?": PROSE
    }


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("- **Grace period** – the days in which an account stays open.", "What does “grace period” mean?"),
        ("- **Grace period**: the days in which an account stays open.", "What does “grace period” mean?"),
        ("**Grace period:** the days in which an account stays open.", "What does “grace period” mean?"),
        ("Grace period\n: the days in which an account stays open.", "What does “grace period” mean?"),
        (
            "Grace period: the days in which an account stays open.\nChargebacks: payments taken back.",
            "What does “grace period” mean?",
        ),
    ],
)
def test_definitions_are_asked_for(new, text: str, question: str) -> None:
    assert (
        pairs(new.section(1, text, "Terms"))[question]
        == "Grace period: the days in which an account stays open."
    )


def test_notes_and_single_colons_are_no_definitions(new) -> None:
    for text in (
        "**Note:** the days in which an account stays open.",
        "We say this: pay the invoice in time, please.",
    ):
        assert list(pairs(new.section(1, text, "Paying invoices"))) == ["How do I pay invoices?"]


def test_tables_are_asked_by_row_and_column(new) -> None:
    text = "| Plan | Monthly price | Support |\n|---|:--:|---|\n| Solo | €9 | by mail |\n| **Firm** | €99 | |"
    assert pairs(new.section(1, text, "Fees")) == {
        "What is the monthly price of Solo?": "The monthly price of Solo is €9.",
        "What is the support of Solo?": "By mail.",
        "About fees: what should I know about Solo?": "Monthly price: €9\nSupport: by mail",
        "What is the monthly price of Firm?": "The monthly price of Firm is €99.",
    }


def test_columns_that_are_no_nouns_are_told_by_row(new) -> None:
    text = "| Wood | Arrives in | What happens | Oven |\n|---|---|---|---|\n| Oak | a week | It dries | no |"
    assert pairs(new.section(1, text, "Wood")) == {
        "About wood: what should I know about Oak?": "Arrives in: a week\nWhat happens: It dries\nOven: no"
    }


def test_a_numbered_list_set_as_a_table_has_no_columns(new) -> None:
    text = "| (i) | Outside to inside. |\n|---|---|\n| (ii) | Inside to outside. |\n| (iii) | Back again. |"
    assert list(pairs(new.section(1, f"{PROSE}\n\n{text}", "Turns"))) == ["What should I know about turns?"]


def test_a_large_table_is_asked_by_row() -> None:
    rows = [[f"port {n}", str(n), "yes"] for n in range(40)]
    found = list(of_table(["Port", "Berths", "Crane"], rows))
    assert len(found) == 40
    assert found[3] == ("What should I know about port 3?", "Berths: 3\nCrane: yes")


def test_columns_of_one_kind_of_thing_are_told_by_row() -> None:
    found = list(of_table(["", "Mail card", "Paper card"], [["Value", "€10", "€20"]]))
    assert found == [("What should I know about Value?", "Mail card: €10\nPaper card: €20")]


def test_columns_of_days_are_asked_for_as_the_rows_are() -> None:
    found = dict(of_table(["", "Mon", "Tue"], [["Pool", "9-18", "10-18"], ["Gym", "6-22", ""]], ("Hours",)))
    assert found == {
        "About hours: what should I know about Pool?": "Mon: 9-18\nTue: 10-18",
        "About hours: what should I know about Gym?": "Mon: 6-22",
        "About hours: what should I know about Monday?": "Pool: 9-18\nGym: 6-22",
        "About hours: what should I know about Tuesday?": "Pool: 10-18",
    }


def test_rows_that_are_only_counted_are_named_by_their_first_words() -> None:
    found = dict(of_table(["No.", "Port", "Fare"], [["I", "Oslo", "20"], ["II", "Bergen", "30"]]))
    assert found == {
        "What is the fare of Oslo?": "The fare of Oslo is 20.",
        "What is the fare of Bergen?": "The fare of Bergen is 30.",
    }


def test_numbers_that_are_names_keep_what_they_number() -> None:
    found = dict(of_table(["Zone", "Fare"], [["I", "$2"], ["II", '"']]))
    assert found == {
        "What is the fare of zone I?": "The fare of zone I is $2.",
        "What is the fare of zone II?": "The fare of zone II is $2.",
    }


def test_rows_called_by_a_question_are_asked_by_it() -> None:
    assert list(of_table(["Question", "Answer"], [["May I bring my dog?", "Yes, on a lead."]])) == [
        ("May I bring my dog?", "Yes, on a lead.")
    ]
    assert list(of_table(["", "Day", "Night"], [["Are dogs allowed?", "yes", "no"]])) == [
        ("Are dogs allowed?", "Day: yes\nNight: no")
    ]


def test_a_header_of_two_rows_names_every_column() -> None:
    rows = [["", "small", "large"], ["Tent", "8 €", "9 €"]]
    found = dict(of_table(["Item", "Price", ""], rows))
    assert found["What should I know about Tent?"] == "Price small: 8 €\nPrice large: 9 €"


def test_tables_in_other_languages_are_asked_in_theirs() -> None:
    (pair,) = of_table(["Leistung", "Preis"], [["Ölwechsel", "80 €"]], (), "de")
    assert pair == ("Was gilt für „Ölwechsel“ bei „Preis“?", "Ölwechsel, Preis: 80 €")


def test_columns_set_by_blanks_are_cells() -> None:
    assert cells("Port     Fare\nOslo     20") == [["Port", "Fare"], ["Oslo", "20"]]


def test_a_record_of_facts_is_asked_by_its_first_column() -> None:
    (draft,) = of_record([("Team", "Flyers"), ("Cups", "2")], Source(uri="a.csv", row=2))
    assert (draft.asked, draft.answer) == ("What are the cups of Flyers?", "The cups of Flyers are 2.")


def test_the_rest_of_a_section_is_asked_by_its_heading(new) -> None:
    text = f"{PROSE}\n\n**Daily rate:** 28 euros for a day\n\n{PROSE} Twice."
    found = pairs(new.section(1, text, "Booking a train"))
    assert list(found) == ["What is the daily rate?", "How do I book a train?"]
    assert found["How do I book a train?"] == f"{PROSE}\n\n{PROSE} Twice."


def test_bold_words_that_begin_a_sentence_are_no_definition(new) -> None:
    text = "- **Batteries** of tools can be changed at home.\n- **The newsletter** ends with a click."
    assert list(pairs(new.section(1, text, "Changing parts"))) == ["How do I change parts?"]


def test_small_headings_that_run_into_their_text_are_asked_about(new) -> None:
    found = pairs(new.section(1, "**Bank transfer.** We pack the order when the money is here.", "Paying"))
    assert found == {"What should I know about bank transfer?": "We pack the order when the money is here."}


def test_a_lead_in_is_refused_by_name(new) -> None:
    text = "These are the terms.\n\n- **Berth** – the place where a boat lies at the quay."
    assert [draft.refused for draft in drafts([new.section(1, text, "Terms")]) if draft.refused] == [
        "a line that leads to questions or definitions"
    ]


def test_prose_without_a_heading_gives_no_question(new) -> None:
    (draft,) = drafts([new.section(1, PROSE)])
    assert draft.refused == "no heading, question or definition to ask by"


def test_further_parts_of_a_long_section_are_asked_for_by_what_stands_before(new) -> None:
    found = pairs(new.section(1, "\n\n".join([PROSE * 9] * 3), "Booking a train"))
    first, second, *_ = found
    assert first == "How do I book a train?"
    assert second.startswith("How do I book a train? You got as far as: “")


def test_strength_is_the_share_that_answers_questions(new) -> None:
    strong, every = strength(
        [new.section(1, PROSE, "Booking a train"), new.section(5, PROSE, "Thoughts on trains")]
    )
    assert strong * 2 == every
