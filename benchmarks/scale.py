"""What it costs to prepare many rows or files: `python -m benchmarks.scale [--rows 10000 …] [--files 10000]`.

Questions with answers, a kilobyte a row, and a folder of files of ten formats, go through ingest, clean and
structure (which splits), each size in a process of its own. Of a hundred rows two repeat an earlier one, two
nearly do, and two hold an e-mail address. Seconds are by the clock and of computing, readers in processes of
their own among them; memory is the most that all of them held together. What stayed and went goes to stderr,
and which share of the computing was done in processes of their own: what more cores would shorten.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from tests.preparation import samples

LOOKS = 0.1  # seconds between looks at memory
CHILDREN = (resource.RUSAGE_CHILDREN,)
T = TypeVar("T")
USE_CASE = "Answer questions of guests about the ferry"
ONSETS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "sh", "ch", "st", "tr")
SYLLABLES = [onset + vowel for onset in ONSETS for vowel in "aeiou"]


def words(seed: int, count: int = 20_000) -> list[str]:
    drawn = random.Random(seed)
    return ["".join(drawn.choices(SYLLABLES, k=drawn.choice((1, 2, 2, 3, 3, 4)))) for _ in range(count)]


class Writer:
    """Sentences whose words are as unevenly common as those of a language."""

    def __init__(self, seed: int = 17):
        self.drawn = random.Random(seed)
        self.words = words(seed)

    def sentence(self, length: int) -> str:
        # the most common word takes about a twelfth, as "the" does in English
        places = [int(len(self.words) ** self.drawn.random()) for _ in range(length)]
        return " ".join(self.words[place] for place in places).capitalize() + "."

    def text(self, sentences: int) -> str:
        return " ".join(self.sentence(self.drawn.randint(6, 16)) for _ in range(sentences))


def records(count: int) -> Iterator[dict[str, str]]:
    writer = Writer()
    earlier: dict[str, str] = {}
    for number in range(count):
        place = number % 100
        if place in (20, 70) and earlier:
            yield earlier
        elif place in (30, 80) and earlier:
            yield {**earlier, "answer": f"{earlier['answer']} {writer.sentence(4)}"}
        else:
            row = {"question": writer.sentence(9)[:-1] + "?", "answer": writer.text(14)}
            if place in (40, 90):
                row["answer"] += f" Write to {writer.words[number % 9999]}{number}@example.org."
            if place in (10, 60):
                earlier = row
            yield row


def written_rows(folder: Path, count: int) -> None:
    with open(folder / "rows.jsonl", "w", encoding="utf-8") as file:
        for row in records(count):
            file.write(json.dumps(row) + "\n")


def written_files(folder: Path, count: int) -> None:
    """Ten formats in turn, of a few kilobytes each, no text twice."""
    writer = Writer()
    for number in range(count):
        story = writer.text(20)
        name, content = mixed(number % 10, story, writer)
        place = folder / f"{number // 500:03}"
        place.mkdir(exist_ok=True)
        (place / f"{number:05}-{name}").write_bytes(content)


def mixed(kind: int, story: str, writer: Writer) -> tuple[str, bytes]:
    title = writer.sentence(4)[:-1]
    match kind:
        case 0:
            return "note.txt", story.encode()
        case 1:
            return (
                "guide.md",
                f"# {title}\n\n{story}\n\n## {writer.sentence(3)[:-1]}\n\n{writer.text(8)}\n".encode(),
            )
        case 2:
            return "page.html", samples.HTML.replace(samples.STORY, story).replace(
                "The ferry", title
            ).encode()
        case 3:
            rows = "".join(f"{writer.sentence(5)[:-1]}?,{writer.sentence(12)}\n" for _ in range(20))
            return "trips.csv", f"question,answer\n{rows}".encode()
        case 4:
            rows = "".join(json.dumps(row) + "\n" for row in records_of(writer, 5))
            return "rows.jsonl", rows.encode()
        case 5:
            content = samples.eml().replace(samples.STORY.encode(), story.encode())
            return "mail.eml", content.replace(b"The ferry", title.encode())
        case 6:
            return "letter.docx", docx(title, story)
        case 7:
            return "guide.rst", f"{title}\n{'=' * len(title)}\n\n{story}\n".encode()
        case 8:
            return "letter.rtf", samples.RTF.replace(samples.STORY.encode(), story.encode())
        case _:
            return "article.xml", samples.XML.replace(samples.STORY.encode(), story.encode())


def records_of(writer: Writer, count: int) -> Iterator[dict[str, str]]:
    for _ in range(count):
        yield {"question": writer.sentence(7)[:-1] + "?", "answer": writer.text(3)}


def docx(title: str, story: str) -> bytes:
    import io

    from docx import Document

    document = Document()
    document.add_heading(title, 1)
    document.add_paragraph(story)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


class Memory:
    """The most that this process and those it started held at the same time, in bytes. Pages that two of
    them share count twice."""

    def __init__(self) -> None:
        import psutil

        self.process = psutil.Process()
        self.gone = psutil.Error
        self.peak = 0
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self) -> None:
        while True:
            held = 0
            for process in (self.process, *self.process.children(recursive=True)):
                try:
                    held += process.memory_info().rss
                except self.gone:
                    continue
            self.peak = max(self.peak, held)
            time.sleep(LOOKS)


def measured(source: Path, work: Path) -> dict[str, object]:
    """One preparation; for each step seconds by the clock, of computing, and the peak in bytes."""
    from preparation.clean import clean
    from preparation.ingest import ingest
    from preparation.structure import structure

    memory = Memory()
    steps: dict[str, tuple[float, float, int]] = {}
    shared: dict[str, float] = {}

    def step(name: str, run: Callable[[], T]) -> T:
        memory.peak, start, computed, below = 0, time.perf_counter(), computing(), computing(CHILDREN)
        made = run()
        used = computing() - computed
        steps[name] = (time.perf_counter() - start, used, memory.peak)
        shared[name] = round((computing(CHILDREN) - below) / used, 2)
        return made

    rows = step("ingest", lambda: ingest([str(source)], work / "ingest"))
    cleaned = step("clean", lambda: clean(rows, work / "clean"))
    made = step("structure, split", lambda: structure(cleaned, work / "structure", use_case=USE_CASE))
    report = made.report
    return {
        "steps": steps,
        "shared": shared,
        "files": len(rows.files),
        "unread": sum(not file.used for file in rows.files),
        "rows": rows.count,
        "train": report.train,
        "holdout": report.holdout,
        "dropped": dict(cleaned.dropped),
        "redacted": sum(found.count for found in cleaned.findings if found.rule != "repaired"),
    }


def computing(of: Sequence[int] = (resource.RUSAGE_SELF, *CHILDREN)) -> float:
    """Seconds of processor time of this process and of those that it started and that have ended."""
    used = map(resource.getrusage, of)
    return sum(one.ru_utime + one.ru_stime for one in used)


def shown(title: str, source: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.scale", "--measure", str(source), str(folder / "work")]
    made = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    size = sum(path.stat().st_size for path in source.rglob("*") if path.is_file())
    steps = made.pop("steps")
    seconds, computed, peaks = zip(*steps.values(), strict=True)
    steps[f"all of {size / 1e6:,.0f} MB"] = (sum(seconds), sum(computed), max(peaks))
    for name, (seconds, computed, peak) in steps.items():
        each = computed / max(1, made["rows"]) * 1e6
        cells = (title, name, f"{seconds:.1f} s", f"{computed:.1f} s", f"{each:.0f} µs", f"{peak >> 20:,} MB")
        print(f"| {' | '.join(cells)} |", flush=True)
    print(f"{title}: {json.dumps(made)}; load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--files", type=int, nargs="*", default=[10_000])
    parser.add_argument("--measure", nargs=2, type=Path, metavar=("SOURCE", "WORK"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measured(*arguments.measure)))
        return
    print("| what | step | by the clock | computing | of it for a row | peak memory |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    cases = [(f"{count:,} rows", written_rows, count) for count in arguments.rows]
    cases += [(f"{count:,} files", written_files, count) for count in arguments.files]
    for title, write, count in cases:
        with tempfile.TemporaryDirectory() as name:
            source = Path(name, "source")
            source.mkdir()
            write(source, count)
            shown(title, source, Path(name))


if __name__ == "__main__":
    main()
