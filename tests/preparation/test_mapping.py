import os
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from errors import InvalidData, LuthierError
from preparation import mapping
from preparation.clean import clean
from preparation.mapping import Processes, Work, pieces
from preparation.rowfile import line_of
from preparation.structure import structure
from records import Dataset, Rows
from tests.preparation.works import Ending, Objecting, Sizes


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a few rows go to other processes, in pieces of some rows."""
    monkeypatch.setattr(mapping, "SOON", 1)
    monkeypatch.setattr(mapping, "PIECE", 3000)


def mapped(work: Work, lines: list[bytes]) -> list:
    with Processes(2) as processes:
        return list(processes.mapped(work, lines))


def written(new, count: int) -> list[bytes]:
    return [
        line_of(new.record(n, question=f"Where is {n}?", answer="At the quay. " * n)) for n in range(count)
    ]


def folder_of(new) -> list:
    """Records, documents that repeat themselves, conversations; secrets and duplicates among them."""
    story = "The night boat to island {0} leaves at ten and comes back at six, and berth {0} is free. " * 3
    rows = [
        new.record(
            n, question=f"When does boat {n % 45} leave?", answer=story.format(n % 45), uri="/data/q.csv"
        )
        for n in range(60)
    ]
    for number in range(12):
        uri = f"/data/{number:02}.pdf"
        for page in range(1, 5):
            said = f"{story.format(number * 9 + page)}\n\nWrite to quay{page % 3}@example.org."
            text = f"Harbour handbook\n\n{said}\n\nPage {page}"
            rows.append(new.page(page, text, uri=uri))
        rows.append(
            new.section(1, "All rights in this text are kept by the harbour office.", uri=f"{uri}.md")
        )
    rows += [
        new.dialogue(
            n, ("user", f"Is there a boat on day {n}?"), ("assistant", story.format(n)), uri="/data/c.jsonl"
        )
        for n in range(30)
    ]
    return rows


def prepared(rows: Rows, out: Path, workers: int) -> tuple[Rows, Dataset]:
    cleaned = clean(rows, out / "clean", workers=workers)
    return cleaned, structure(cleaned, out / "made", use_case="Answer questions", workers=workers)


def read(*uris: str) -> Sequence[bytes]:
    return [Path(uri).read_bytes() for uri in uris]


@pytest.mark.usefixtures("small_pieces")
def test_many_processes_make_what_one_makes(make_rows, new, tmp_path: Path) -> None:
    rows = make_rows(folder_of(new))
    one, made = prepared(rows, tmp_path / "one", 1)
    other, made_too = prepared(rows, tmp_path / "more", 2)
    assert {"duplicate", "repeated header or footer", "boilerplate"} <= set(one.dropped)
    assert (other.dropped, other.findings) == (one.dropped, one.findings)
    assert read(other.uri, other.drops_uri) == read(one.uri, one.drops_uri)
    assert (made_too.id, made_too.report) == (made.id, made.report)
    assert read(made_too.train_uri, made_too.lineage_uri) == read(made.train_uri, made.lineage_uri)


@pytest.mark.usefixtures("small_pieces")
def test_what_is_made_comes_in_the_order_of_the_rows_and_no_process_is_left(new) -> None:
    lines = written(new, 60)
    made = mapped(Sizes(), lines)
    assert [size for _, sizes in made for size in sizes] == [len(line) for line in lines]
    workers = {process for process, _ in made}
    assert 1 <= len(workers) <= 2
    assert os.getpid() not in workers
    assert not any(map(psutil.pid_exists, workers))


@pytest.mark.usefixtures("small_pieces")
def test_works_that_follow_one_another_share_their_processes(new) -> None:
    lines = written(new, 60)
    with Processes(2) as processes:
        first, second = (list(processes.mapped(Sizes(), lines)) for _ in range(2))
        assert {process for process, _ in second} & {process for process, _ in first}
    assert [sizes for _, sizes in first] == [sizes for _, sizes in second]


def test_few_rows_are_worked_on_in_this_process(new) -> None:
    lines = written(new, 60)
    assert mapped(Sizes(), lines) == [(os.getpid(), [len(line) for line in lines])]


@pytest.mark.usefixtures("small_pieces")
def test_the_rows_of_a_text_stay_together(new, tmp_path: Path) -> None:
    texts = [
        new.page(page, "A long story. " * 90, uri=f"/data/{n}.pdf") for n in range(3) for page in (1, 2, 3, 4)
    ]
    records = [new.record(n, a="A long story. " * 90) for n in range(9)]
    lines = [line_of(row) for row in (*texts, *records)]
    cut = [Path(path).read_bytes() for path in pieces(lines, str(tmp_path))]
    assert b"".join(cut) == b"".join(lines)
    assert [piece.count(b"\n") for piece in cut] == [4, 4, 4, 3, 3, 3]


@pytest.mark.usefixtures("small_pieces")
def test_a_process_that_is_killed_is_replaced_and_no_row_is_lost(new, tmp_path: Path) -> None:
    assert sum(mapped(Ending(str(tmp_path), 1), written(new, 60))) == 60


@pytest.mark.usefixtures("small_pieces")
def test_a_process_that_is_killed_again_and_again_ends_in_a_sentence(new, tmp_path: Path) -> None:
    with pytest.raises(LuthierError, match="and so did the one after it: killed by SIGKILL") as caught:
        mapped(Ending(str(tmp_path), 99), written(new, 60))
    assert "memory" in caught.value.hint


@pytest.mark.usefixtures("small_pieces")
def test_what_a_process_raises_is_raised_here(new) -> None:
    with pytest.raises(InvalidData, match=r"It must not be\.") as caught:
        mapped(Objecting(), written(new, 60))
    assert caught.value.hint == "Make it otherwise."
