"""Near duplicates among many texts, at equal recall: `python -m benchmarks.near_duplicates --rivals FOLDER`.

Of each hundred texts of about 120 words ten are copies of an earlier one with up to three words in a hundred
changed, ten are drafts with a third of the words changed, which are texts of their own. The rivals are tried
from their strictest setting on until they find as many of the copies as Luthier does, or no setting is left;
`benchmarks/reading.py` says how to install them. Seconds are of computing, all processes together.
"""

import argparse
import json
import logging
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from benchmarks.scale import Writer, computing
from preparation.duplicates import Shingles, near_duplicates, signed, tokens

Found = set[int]  # numbers of the texts that would go
THRESHOLD = 0.85
BATCH = 1000  # texts that are signed together


class Planted(NamedTuple):
    texts: list[str]
    copies: Found


def planted(count: int) -> Planted:
    writer, drawn = Writer(), random.Random(5)
    texts: list[str] = []
    copies: Found = set()
    originals: list[int] = []
    for number in range(count):
        if number % 10 == 5 and originals:
            copies.add(number)
            texts.append(changed(texts[drawn.choice(originals)], drawn.uniform(0, 0.03), writer, drawn))
        elif number % 10 == 8 and originals:
            texts.append(changed(texts[drawn.choice(originals)], 0.33, writer, drawn))
        else:
            originals.append(number)
            texts.append(writer.text(11))
    return Planted(texts, copies)


def changed(text: str, share: float, writer: Writer, drawn: random.Random) -> str:
    words = text.split()
    for place in drawn.sample(range(len(words)), max(1, round(share * len(words)))):
        words[place] = drawn.choice(writer.words)
    return " ".join(words)


def luthier(texts: Sequence[str]) -> Found:
    with Shingles() as store:
        for at in range(0, len(texts), BATCH):
            store.add(signed([[text] for text in texts[at : at + BATCH]]))
        return set(near_duplicates(store, THRESHOLD))


def datasketch(threshold: float) -> Callable[[Sequence[str]], Found]:
    """Words and pairs of words, as Luthier takes them; the first of those alike stays."""

    def find(texts: Sequence[str]) -> Found:
        from datasketch import MinHash, MinHashLSH

        index = MinHashLSH(threshold=threshold, num_perm=128)
        gone: Found = set()
        for number, text in enumerate(texts):
            words = tokens(text)
            pairs = map(" ".join, pairwise(words))
            signature = MinHash(num_perm=128)
            signature.update_batch([one.encode() for one in {*words, *pairs}])
            if index.query(signature):
                gone.add(number)
            else:
                index.insert(number, signature, check_duplication=False)
        return gone

    return find


def datatrove(words: int, buckets: int, hashes: int) -> Callable[[Sequence[str]], Found]:
    """Its four steps over files, as its own example runs them."""

    def find(texts: Sequence[str]) -> Found:
        from datatrove.executor import LocalPipelineExecutor
        from datatrove.pipeline.dedup import minhash
        from datatrove.pipeline.readers import JsonlReader
        from datatrove.pipeline.writers import JsonlWriter
        from datatrove.utils.hashing import HashConfig

        config = minhash.MinhashConfig(words, buckets, hashes, hash_config=HashConfig(precision=64))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "in").mkdir()
            with open(folder / "in" / "rows.jsonl", "w") as file:
                for number, text in enumerate(texts):
                    file.write(json.dumps({"id": str(number), "text": text}) + "\n")
            at = {step: str(folder / step) for step in ("in", "signed", "buckets", "gone", "out")}
            reader = JsonlReader(at["in"])
            for steps, tasks in (
                ([reader, minhash.MinhashDedupSignature(at["signed"], config)], 1),
                ([minhash.MinhashDedupBuckets(at["signed"], at["buckets"], config=config)], buckets),
                ([minhash.MinhashDedupCluster(at["buckets"], at["gone"], config)], 1),
                (
                    [
                        reader,
                        minhash.MinhashDedupFilter(at["gone"]),
                        JsonlWriter(at["out"], compression=None),
                    ],
                    1,
                ),
            ):
                LocalPipelineExecutor(
                    steps, tasks=tasks, logging_dir=str(folder / "log"), skip_completed=False, workers=1
                ).run()
            kept = {
                int(json.loads(line)["id"]) for path in (folder / "out").iterdir() for line in path.open()
            }
        return set(range(len(texts))) - kept

    return find


def settings() -> Iterator[tuple[str, str, Callable[[Sequence[str]], Found]]]:
    """Name, setting, and the way of each contender, the strictest first."""
    yield "Luthier", f"{THRESHOLD}", luthier
    if find_spec("datasketch"):
        for threshold in (0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5):
            yield "datasketch", f"LSH at {threshold}", datasketch(threshold)
    if find_spec("datatrove"):
        for words, buckets, hashes in ((5, 14, 8), (3, 14, 8), (2, 14, 8), (2, 20, 6), (2, 32, 4)):
            yield "datatrove", f"{words} words, {buckets} × {hashes}", datatrove(words, buckets, hashes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rivals", help="folder that the rivals were installed into")
    parser.add_argument("--texts", type=int, default=20_000)
    arguments = parser.parse_args()
    if arguments.rivals:
        sys.path.append(arguments.rivals)
    logging.disable(logging.CRITICAL)
    texts, copies = planted(arguments.texts)
    print(f"{len(texts):,} texts, {len(copies):,} of them copies\n")
    print(
        "| by | setting | times our time | recall | precision |\n| --- | --- | --- | --- | --- |", flush=True
    )
    ours = wanted = 0.0
    done: set[str] = set()
    for name, setting, find in settings():
        if name in done:
            continue
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            find(texts[:100])  # what is loaded once
            start = computing()
            found = find(texts)
        seconds = computing() - start
        ours = ours or seconds
        recall, precision = len(found & copies) / len(copies), len(found & copies) / max(1, len(found))
        wanted = wanted or recall
        if recall >= wanted:
            done.add(name)
        cells = (name, setting, f"{seconds / ours:.2f}", f"{recall:.4f}", f"{precision:.4f}")
        print(f"| {' | '.join(cells)} |", flush=True)
    print(f"\nLuthier: {ours:.1f} s of computing, {ours / len(texts) * 1e6:.0f} µs a text", file=sys.stderr)


if __name__ == "__main__":
    main()
