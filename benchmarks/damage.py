"""What becomes of damaged files: `python -m benchmarks.damage FOLDER [--copies 200] [--seed 1]`.

Each file of the folder is damaged so many times: cut off, bits turned, parts lost, doubled, moved, written
over, in zip formats inside their members too. The copies go through ingest in lots, among whole files. Told
is a file that was left out with a reason. Whatever else happens (ingest breaks off, a process dies or has to
be stopped, a whole file has other rows than without the damaged ones) is counted by itself.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from preparation.ingest import ingest
from preparation.workers import CRASH_REASON, MEMORY_REASON, Limits
from records import FileReport
from tests.preparation.damage import damaged

LOT = 500  # files that are read in one run
LIMITS = Limits(seconds=20)


def outcome(file: FileReport) -> str:
    if file.used:
        return "read"
    if file.reason == CRASH_REASON:
        return "process died"
    if file.reason == MEMORY_REASON:
        return "memory limit"
    return "time limit" if file.reason.startswith("It took longer") else "told"


def rows_by_name(files: tuple[FileReport, ...]) -> dict[str, tuple[int, str]]:
    return {file.name: (file.rows, file.reason) for file in files if not file.name.startswith("hurt-")}


def lot(whole: Path, copies: list[tuple[str, bytes]], folder: Path) -> tuple[Counter[str], int]:
    """What became of the copies, and how many whole files were read otherwise than alone."""
    source = folder / "source"
    shutil.copytree(whole, source)
    source.chmod(0o755)
    for number, (name, content) in enumerate(copies):
        (source / f"hurt-{number}-{name}").write_bytes(content)
    alone = rows_by_name(ingest([str(whole)], folder / "alone", limits=LIMITS).files)
    files = ingest([str(source)], folder / "among", limits=LIMITS).files
    among = rows_by_name(files)
    lost = sum(among.get(name) != found for name, found in alone.items())
    found = {file.name: file for file in files}
    outcomes = Counter(outcome(found[f"hurt-{at}-{name}"]) for at, (name, _) in enumerate(copies))
    for file in files:
        if outcome(file) not in ("read", "told"):
            print(f"{file.name}: {file.reason}", file=sys.stderr, flush=True)
    return outcomes, lost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--copies", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    paths = sorted(path for path in arguments.folder.resolve().iterdir() if path.is_file())
    copies = [
        (path.name, damaged(path.read_bytes(), chance)) for path in paths for _ in range(arguments.copies)
    ]
    chance.shuffle(copies)
    outcomes: Counter[str] = Counter()
    lost, start = 0, time.perf_counter()
    for first in range(0, len(copies), LOT):
        with tempfile.TemporaryDirectory() as name:
            more, gone = lot(arguments.folder.resolve(), copies[first : first + LOT], Path(name))
        outcomes += more
        lost += gone
        print(f"{first + LOT:,}: {dict(outcomes)}, {lost} lost", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - start
    print(f"{len(paths)} files, {len(copies):,} damaged copies, {seconds:.0f} s")
    print("\n| read | told why not | process died | time limit | memory limit | neighbours lost |")
    print("| --- | --- | --- | --- | --- | --- |")
    kinds = ("read", "told", "process died", "time limit", "memory limit")
    print(f"| {' | '.join(f'{outcomes[kind]:,}' for kind in kinds)} | {lost} |")


if __name__ == "__main__":
    main()
