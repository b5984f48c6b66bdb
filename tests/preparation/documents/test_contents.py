import pytest

from preparation.documents.contents import entries

BOOK = """| Chapter | Title | Page |
|---|---|---|
| I | The harbour | 1 |
| II | The storm | 17 |
| III | Home | 40 |"""
FARES = "| Zone | Fare |\n|---|---|\n| I | 2 |\n| II | 3 |\n| III | 5 |"


def test_a_table_with_a_column_of_pages_is_contents() -> None:
    lines = ["Before.", "", *BOOK.split("\n"), "", "After."]
    assert entries(lines) == set(range(2, 7))


@pytest.mark.parametrize("word", ["Seite", "page", "Página", "pagina", "S.", "p.", "Blz."])
def test_a_column_of_pages_is_known_in_several_languages(word: str) -> None:
    assert entries(BOOK.replace("Page", word).split("\n"))


def test_numbers_that_rise_are_contents_only_below_such_a_title() -> None:
    assert entries(FARES.split("\n")) == set()
    assert entries(FARES.split("\n"), heading="Fares") == set()
    assert entries(FARES.split("\n"), heading="Contents") == set(range(5))


@pytest.mark.parametrize(
    "title",
    [
        "Contents",
        "## Table of Contents",
        "LIST OF ILLUSTRATIONS",
        "**Inhalt**",
        "Abbildungsverzeichnis",
        "Índice de figuras",
        "Table des matières",
        "Indice delle figure",
        "Sumário",
        "Inhoudsopgave",
        "Оглавление",
    ],
)
def test_lines_that_end_in_rising_pages_go_with_the_title(title: str) -> None:
    lines = [
        title,
        "",
        "Preface  vii",
        "The harbour, 1",
        "The storm\t17",
        "",
        "The island 40",
        "",
        "It rained.",
    ]
    assert entries(lines) == {0, 2, 3, 4, 6}


def test_pages_that_are_named_in_the_cells_are_contents_below_their_title() -> None:
    table = (
        "| Plate | |\n|---|---|\n| Dawn | facing page 3 |\n| Wreck | facing page 21 |\n| Map | to face p. 9 |"
    )
    assert entries(table.split("\n"), "List of plates") == set(range(5))


@pytest.mark.parametrize(
    "text",
    [
        "Contents\nA ring in 18 sizes\nA box of 12",
        "Contents\nBolts 40\nNuts 20\nWashers 60",
        "| Test | Page |\n|---|---|\n| Load | home |\n| Click | cart |\n| Pay | checkout |",
        "Trains leave at 9\nBuses leave at 10\nFerries leave at 11",
    ],
)
def test_other_lists_and_tables_stay(text: str) -> None:
    assert entries(text.split("\n")) == set()
