from preparation.documents.style import drafts

PROSE = (
    "We never say “kindly”. We say what happens next, in words that a tired traveller reads once and "
    "understands. If a boat is late we say so, and how late, before anyone asks."
)


def asked(rows) -> list[tuple[str, str]]:
    return [(draft.asked, draft.answer) for draft in drafts(rows) if not draft.refused]


def test_a_passage_is_asked_for_by_its_heading(new) -> None:
    rows = [
        new.section(1, PROSE, "House style", "1. Plain words"),
        new.section(9, f"{PROSE} Always.", "House style"),
    ]
    assert asked(rows) == [
        ("Write the section “Plain words” of “House style”.", PROSE),
        ("Write a passage under the heading “House style”.", f"{PROSE} Always."),
    ]


def test_without_headings_a_passage_goes_on_from_the_one_before(new) -> None:
    text = "\n\n".join(f"{PROSE} So it was in the year {n}." for n in range(1900, 1920))
    first, second, *_ = asked([new.section(1, text)])
    assert first[0] == "Continue this text:\n\nWe never say “kindly”."
    assert first[1].startswith("We say what happens next")
    assert second[0].startswith("Continue this text:\n\n")
    assert second[0].split("\n\n")[1].split(". ")[-1] in first[1]


def test_the_request_is_in_the_language_of_the_text(new) -> None:
    text = (
        "Wir sagen, was als Nächstes geschieht, und zwar so, dass es der Reisende nicht zweimal lesen muss."
    )
    assert (
        asked([new.section(1, text, "Unser Ton")])[0][0]
        == "Schreibe einen Text unter der Überschrift „Unser Ton“."
    )


def test_a_single_sentence_is_asked_for_by_its_beginning(new) -> None:
    text = "Of all the boats that ever left this quay the smallest came home with the largest catch of all"
    ((question, answer),) = asked([new.section(1, text)])
    assert question.removeprefix("Continue this text:\n\n") + " " + answer == text


def test_what_is_no_model_of_style_is_refused_by_name(new) -> None:
    names = "Ann Lee 1\nBo Li 2, Cy Ott 3\nann@x.org\n1 Oldport\n2 Newport"
    text = f"{names}\n\n{PROSE}\n\n1The code is at the quay.\n\nReferences\n\n{PROSE}"
    refused = {draft.refused for draft in drafts([new.page(1, text)]) if draft.refused}
    assert refused == {"names, addresses or formulas", "a footnote", "a list of references"}


def test_verse_and_letters_are_models_of_style(new) -> None:
    verse = "Grey is the water\nGrey is the sky\nNothing that flies\nComes passing by"
    letter = "May 5\nTo whom it may concern:\n200 bottles were sent.\nBest regards,\nThe harbour"
    for text in (verse, letter):
        assert not [
            draft for draft in drafts([new.section(1, f"{text}\n\n{PROSE}", "Page")]) if draft.refused
        ]
