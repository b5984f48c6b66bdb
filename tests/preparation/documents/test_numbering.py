import pytest

from preparation.documents.numbering import is_numeral, lone_division, without_number


@pytest.mark.parametrize(
    ("heading", "says"),
    [
        ("CHAPTER II The storm", "The storm"),
        ("Chapter Two: The storm", "The storm"),
        ("CHAPTER VIII FOR PARENTS", "FOR PARENTS"),
        ("Kapitel 3 – Die Insel", "Die Insel"),
        ("Chapitre IV. Le retour", "Le retour"),
        ("capítulo 5 La isla", "La isla"),
        ("2.1 Opening an account", "Opening an account"),
        ("§ 3 a Kündigung", "Kündigung"),
        ("4. Fees", "Fees"),
        ("B. Fees", "Fees"),
        ("Part I of the guide", "Part I of the guide"),
        ("Part 11 compliance", "Part 11 compliance"),
        ("Section 8 and its limits", "Section 8 and its limits"),
        ("Step up to the plate", "Step up to the plate"),
        ("3D printing", "3D printing"),
        ("24 hours before departure", "24 hours before departure"),
        ("401k plans", "401k plans"),
        ("Civil matters", "Civil matters"),
        ("CHAPTER II", "CHAPTER II"),
        ("IV", "IV"),
    ],
)
def test_what_a_heading_says_besides_its_number(heading: str, says: str) -> None:
    assert without_number(heading) == says


@pytest.mark.parametrize(
    ("heading", "division"),
    [
        ("CHAPTER II", "chapter II"),
        ("Chapter two.", "chapter two"),
        ("**Appendix B**", "appendix B"),
        ("Kapitel 12", "kapitel 12"),
        ("Chapter II The storm", ""),
        ("Part of the plan", ""),
        ("Units", ""),
    ],
)
def test_a_division_that_is_nothing_but_counted(heading: str, division: str) -> None:
    assert lone_division(heading) == division


@pytest.mark.parametrize(
    ("cell", "counts"),
    [
        ("II", True),
        ("(3)", True),
        ("12.", True),
        ("b", True),
        ("Oslo", False),
        ("2019", False),
        ("", False),
        ("mix", False),
    ],
)
def test_cells_that_only_count_their_row(cell: str, counts: bool) -> None:
    assert is_numeral(cell) is counts
