import os
import signal
from pathlib import Path

from preparation.parsing import Task
from preparation.workers import CRASH_REASON, MEMORY_REASON, Limits, Node, Pool
from tests.preparation.samples import samples


def node(folder: Path, name: str, content: bytes) -> Node:
    spool = folder / f"{name}.spool"
    spool.mkdir()
    (folder / name).write_bytes(content)
    return Node(Task(str(folder / name), name, str(spool), 0), None)


def reasons(pool: Pool, *nodes: Node) -> list[str]:
    for one in nodes:
        pool.submit(one)
    while not all(one.parsed for one in nodes):
        list(pool.step())
    return [one.parsed.reason for one in nodes if one.parsed]


def slow(folder: Path, name: str) -> Node:
    """Minutes of work in few bytes: titles of a thousand levels."""
    text = "\n\n".join(
        f"Title {at}\n{'=' * 40}\n\n*a* ``b`` `c`_ |d| " + "word *x* " * 200 for at in range(800)
    )
    return node(folder, name, text.encode())


def test_one_process_reads_many_files(tmp_path: Path) -> None:
    with Pool(1) as pool:
        nodes = [node(tmp_path, name, samples()[name]) for name in ("letter.docx", "page.html", "mail.eml")]
        assert reasons(pool, *nodes) == ["", "", ""]
        assert [one.parsed.count for one in nodes if one.parsed] == [2, 2, 1]
        assert len(pool.workers) == 1


def test_a_file_that_takes_too_long_is_given_up_and_the_next_is_read(tmp_path: Path) -> None:
    with Pool(1, Limits(seconds=0.3)) as pool:
        assert reasons(pool, slow(tmp_path, "slow.rst"))[0].startswith("It took longer than")
    with Pool(1) as pool:
        assert reasons(pool, node(tmp_path, "good.html", samples()["page.html"])) == [""]


def test_a_file_that_takes_too_much_memory_costs_a_reason(tmp_path: Path) -> None:
    large = b"[" + b",".join([b"[[],[],[],[]]"] * 1_500_000) + b"]"
    with Pool(1, Limits(memory=400 << 20)) as pool:
        one, other = node(tmp_path, "large.json", large), node(tmp_path, "good.html", samples()["page.html"])
        assert reasons(pool, one, other) == [MEMORY_REASON, ""]


def test_a_process_that_dies_costs_a_reason_and_is_replaced(tmp_path: Path) -> None:
    with Pool(1) as pool:
        victim = slow(tmp_path, "victim.rst")
        pool.submit(victim)
        list(pool.step(0))
        os.kill(pool.workers[0].process.pid, signal.SIGKILL)
        assert reasons(pool, node(tmp_path, "good.html", samples()["page.html"])) == [""]
        assert victim.parsed is not None
        assert victim.parsed.reason == CRASH_REASON


def test_a_process_that_dies_of_what_it_read_before_does_not_cost_a_file(tmp_path: Path) -> None:
    with Pool(1) as pool:
        assert reasons(pool, node(tmp_path, "first.html", samples()["page.html"])) == [""]
        os.kill(pool.workers[0].process.pid, signal.SIGKILL)
        assert reasons(pool, node(tmp_path, "next.html", samples()["page.html"])) == [""]


def test_no_process_is_started_for_nothing_and_none_is_left(tmp_path: Path) -> None:
    with Pool(2) as pool:
        assert list(pool.step(0)) == []
        assert pool.workers == []
        reasons(pool, node(tmp_path, "good.html", samples()["page.html"]))
        (worker,) = pool.workers
    assert worker.process.poll() is not None
