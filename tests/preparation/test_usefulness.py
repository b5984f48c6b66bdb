import zipfile
from pathlib import Path

from preparation.clean import clean
from preparation.ingest import ingest
from preparation.structure import structure

GUIDE = "# Parking\n\nCars park behind the hall, at no charge.\n\n# Dogs\n\nDogs travel free of charge.\n"


def reasons(folder: Path) -> dict[str, str]:
    """Why files of the folder were of no use, by their names below it."""
    out = folder.parent / "out"
    cleaned = clean(ingest([str(folder)], out / "in"), out / "clean")
    made = structure(cleaned, out / "made", use_case="Answer questions of guests", kind="reference")
    return {file.name: file.reason for file in made.report.files if not file.used}


def test_an_archive_is_used_where_something_in_it_is(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as inner:
        inner.writestr("guide.md", GUIDE)
    with zipfile.ZipFile(tmp_path / "in/outer.zip", "w") as outer:
        outer.write(tmp_path / "inner.zip", "inner.zip")
        outer.writestr("empty.md", "")
    assert reasons(tmp_path / "in") == {"outer.zip!/empty.md": "The file is empty."}


def test_an_archive_of_nothing_usable_blames_what_lies_in_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.md").write_text(GUIDE)
    with zipfile.ZipFile(tmp_path / "in/b.zip", "w") as archive:
        archive.writestr("empty.md", "")
    assert reasons(tmp_path / "in")["b.zip"] == "Nothing of what lies in it could be used."


def test_a_copy_of_a_file_names_the_one_that_was_used(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / f"in/{name}.md").write_text(GUIDE)
    assert reasons(tmp_path / "in") == dict.fromkeys(("b.md", "c.md"), "It says the same as a.md.")


def test_what_went_while_cleaning_is_told_by_its_rule(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.md").write_text(GUIDE)
    (tmp_path / "in/b.md").write_text("# Rest\n\nfig 3\n")
    told = reasons(tmp_path / "in")
    assert told == {
        "b.md": "No example could be made of it: all of it was left out while cleaning (too short)."
    }
