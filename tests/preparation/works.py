"""What processes are asked to do with rows in test_mapping."""

import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from errors import InvalidData


@dataclass
class Sizes:
    """The process, and how long each line is."""

    def __call__(self, lines: Iterable[bytes]) -> Iterator[tuple[int, list[int]]]:
        yield os.getpid(), [len(line) for line in lines]


@dataclass
class Ending:
    """Is killed over the first piece so many times."""

    folder: str
    times: int

    def __call__(self, lines: Iterable[bytes]) -> Iterator[int]:
        count = len(list(lines))
        for time in range(self.times):
            if not (mark := Path(self.folder, f"ended-{time}")).exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        yield count


@dataclass
class Objecting:
    def __call__(self, lines: Iterable[bytes]) -> Iterator[int]:
        yield len(list(lines))
        raise InvalidData("It must not be.", "Make it otherwise.")
