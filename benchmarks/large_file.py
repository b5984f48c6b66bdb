"""A large training file on its way to a vendor: `python -m benchmarks.large_file [--megabytes 100]`.

A dataset of that size is checked, converted, hashed and sent to each loopback vendor by its real SDK, in a
process of its own; then the job is started again, and has to be found without sending anything.
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from pathlib import Path

from benchmarks.loopback_services import ask, vendor_process
from records import Dataset, Recipe, Report

BASES = {"openai": "gpt-4.1-mini-2025-04-14", "gemini": "gemini-3.5-flash"}
STORY = "It was sent long ago, and nobody has asked for it since. " * 8


@dataclass
class Sent:
    vendor: str
    megabytes: int
    examples: int
    check_seconds: float
    start_seconds: float
    memory: int  # megabytes, the most that the process had
    parts: int
    again_seconds: float  # until a second start has found file and job


def write(folder: Path, megabytes: int) -> Dataset:
    train, examples = folder / "train.jsonl", 0
    with train.open("w", encoding="utf-8") as file:
        while file.tell() < megabytes * 2**20:
            asked = {"role": "user", "content": f"Where is parcel {examples}? {STORY}"}
            said = {"role": "assistant", "content": f"Parcel {examples} is in depot {examples % 7}."}
            file.write(json.dumps({"messages": [asked, said]}) + "\n")
            examples += 1
    uris = {f"{part}_uri": str(train) for part in ("train", "holdout", "lineage", "drops")}
    report = Report(train=examples, holdout=1)
    return Dataset(id="dataset-large", use_case="Find parcels.", kind="chat", report=report, **uris)


def send(vendor: str, dataset: Dataset) -> tuple[float, float, int, float]:
    """Seconds to check and to start, megabytes of memory, and seconds to start once more."""
    import providers
    from settings import settings

    provider = providers.get(vendor, **settings().provider_arguments(vendor))
    recipe = Recipe(base_model=BASES[vendor], epochs=1, options={"accept_retirement": True})
    begun = time.monotonic()
    provider.check(dataset, recipe)
    checked = time.monotonic()
    job = provider.start(dataset, recipe, "job-large")
    started = time.monotonic()
    assert provider.start(dataset, recipe, "job-large") == job
    again = time.monotonic() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return checked - begun, started - checked, memory, again


def measure(name: str, dataset: Dataset, home: Path) -> Sent:
    with vendor_process(name) as vendor:
        os.environ["LUTHIER_HOME"] = str(home / name)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            check, start, memory, again = pool.apply(send, (name, dataset))
        # where the bytes went: OpenAI itself, or the storage beside Gemini
        log = ask(f"{vendor.urls[-1]}/_control/log")
        wanted = ("POST", "/parts") if name == "openai" else ("PUT", "/upload/")
        parts = sum(seen["method"] == wanted[0] and wanted[1] in seen["path"] for seen in log)
        assert vendor.uploads() == 1, "the file was sent more than once"
    size = Path(dataset.train_uri).stat().st_size / 2**20
    return Sent(name, round(size), dataset.report.train, check, start, memory, parts, again)


HEAD = (
    "vendor",
    "MB",
    "examples",
    "check, s",
    "convert and send, s",
    "memory, MB",
    "parts",
    "start again, s",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_file", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=100)
    asked = parser.parse_args()
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="luthier-large-")))
        dataset = write(folder, asked.megabytes)
        for name in BASES:
            told = astuple(measure(name, dataset, folder))
            cells = [f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in told]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
