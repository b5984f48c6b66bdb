from preparation.tables.columns import Column
from preparation.tables.labelled import balance, instruction, respelt, spellings


def column(*values: str) -> Column:
    made = Column()
    for value in values:
        made.add(value)
    return made


def test_the_commonest_spelling_of_a_label_wins() -> None:
    columns = [
        column("Billing", "billing ", "BILLING", "Billing", "late_parcel"),
        column("late parcel", "late parcel."),
    ]
    chosen = spellings(columns)
    assert chosen == {"billing": "Billing", "late parcel": "late parcel"}
    (finding,) = respelt(columns, chosen)
    assert finding.severity == "info"
    assert "“BILLING” → “Billing”" in finding.message
    assert finding.count == 4


def test_a_tie_of_spellings_does_not_depend_on_order() -> None:
    assert spellings([column("yes", "Yes")]) == spellings([column("Yes", "yes")])


def test_labels_in_order_say_nothing() -> None:
    columns = [column("a", "b")]
    assert respelt(columns, spellings(columns)) == []


def test_the_instruction_lists_labels_in_a_fixed_order() -> None:
    assert instruction("Route tickets.", ["b", "A", "c"]) == "Route tickets.\n\nAnswer with one of: A, b, c."


def test_a_very_long_list_of_labels_is_left_out() -> None:
    assert instruction("Route.", map(str, range(200))) == "Route.\n\nAnswer with the label only."


def test_labels_of_one_row_and_dominant_labels_are_warned_of() -> None:
    found = {finding.rule: finding for finding in balance({"a": 99, "b": 1})}
    assert set(found) == {"rare labels", "dominant label"}
    assert {finding.severity for finding in found.values()} == {"warning"}
    assert found["dominant label"].message == "99 of 100 rows have the label “a”."
    assert found["rare labels"].message == "1 label has a single row: b."
    assert balance({"a": 5, "b": 5}) == []


def test_what_a_program_writes_for_no_label_is_none() -> None:
    columns = [column("late", "lost", "N/A", "NaN", "null")]
    assert set(spellings(columns).values()) == {"late", "lost"}
    assert set(spellings([column("late", "n/a")]).values()) == {"late", "n/a"}
