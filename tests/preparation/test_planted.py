"""Secrets planted in files of many formats are gone from what comes out, and nothing else is."""
# ruff: noqa: E501 - sentences and numbers stand as they are

from pathlib import Path

import pytest

from preparation.clean import clean
from preparation.ingest import ingest
from preparation.rowfile import read_rows
from records import Rows
from tests.preparation.planted import files, items

SEEDS = (1, 2, 3)
CONTROL = """# Report of the harbour office

In 2023 the office counted 12,345 ships, 3.7 % more than in 2022, and 1 234 567 passengers between 08:00 and 22:30.

The order 4500012345 of 2023-11-05 went out with tracking number 1Z999AA10123456784; the invoice INV-2023-000481 is
for 1.299,00 EUR. Article 4006381333931, ISBN 978-3-16-148410-0, lot 20231105.1234, room 3.14.159.

Passwords must have twelve characters. Ask for a new token at the desk; the key is in the drawer. Version 10.0.19.41 of
the software runs at 127.0.0.1, commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b, id 123e4567-e89b-12d3-a456-426614174000.

Der Hafen liegt 53,5 Grad nördlich; 2.345.678 Tonnen, Seite 12-14, § 12 Abs. 3, am 05.11.2023 um 14:30 Uhr, 10:12:14.

Le 14 juillet 1789, 12 345 habitants, 99,90 €, 3/4 des voix, chapitre 10.11.12, de 10 000 à 20 000 personnes.

El 30 % de 1.234 casos; temperatura 36,6; coordenadas 40.416775, -3.703790; ratio 16:9, 1920x1080, modelo 8901-2345.
"""


def prepared(folder: Path, contents: dict[str, bytes]) -> Rows:
    source = folder / "in"
    source.mkdir()
    for name, content in contents.items():
        (source / name).write_bytes(content)
    return clean(ingest([str(source)], folder / "rows", workers=1), folder / "clean")


@pytest.mark.parametrize("seed", SEEDS)
def test_nearly_all_planted_secrets_are_gone(seed: int, tmp_path: Path) -> None:
    planted = items(seed)
    contents = files(planted, seed)
    assert (len(planted), len(contents)) == (60, 20)
    rows = prepared(tmp_path, contents)
    assert all(file.used for file in rows.files)
    written = Path(rows.uri).read_text("utf-8") + Path(rows.drops_uri).read_text("utf-8")
    left = [item for item in planted if any(line in written for line in item.secret.split("\n"))]
    assert len(left) <= 0.02 * len(planted), left


def test_ordinary_numbers_and_words_of_four_languages_stay(tmp_path: Path) -> None:
    rows = prepared(tmp_path, {"report.md": CONTROL.encode()})
    kept = "\n\n".join(row.text for row in read_rows(rows.uri))
    assert "<" not in kept and not [finding for finding in rows.findings if finding.rule == "redacted"]
    assert kept.split() == CONTROL.split("\n", 1)[1].split()
