"""A registry of its own for each test, and datasets, jobs and models to put in it."""

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from records import Dataset, FileReport, Job, Recipe, Report, TunedModel, content_id
from registry import Registry

MakeDataset = Callable[..., Dataset]


@pytest.fixture
def registry(tmp_path: Path, database_url: str) -> Registry:
    return Registry(database_url, tmp_path / "home", str(tmp_path / "store"))


@pytest.fixture
def stored(registry: Registry) -> Callable[[], bytes]:
    """The bytes that the database keeps."""
    from tests.postgres import binaries

    def read() -> bytes:
        if registry.url.startswith("sqlite"):
            return b"".join(file.read_bytes() for file in registry.home.glob("luthier.db*"))
        return subprocess.check_output([binaries() / "pg_dump", "--inserts", registry.url])

    return read


def jsonl(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


@pytest.fixture
def make_dataset(tmp_path: Path) -> MakeDataset:
    """A dataset over source files that exist: an example a line, the last one held out."""

    def make(name: str = "first", sources: dict[str, list[str]] | None = None) -> Dataset:
        folder = tmp_path / "made" / name
        folder.mkdir(parents=True, exist_ok=True)
        texts = sources or {"tickets.csv": ["my card is lost", "the app crashes", "where is my money"]}
        reports, rows = [], []
        for file_name, lines in texts.items():
            path = folder / file_name
            path.write_text("\n".join(lines) + "\n", "utf-8")
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            reports.append(FileReport(uri=str(path), name=file_name, sha256=digest, rows=len(lines)))
            rows += [(line, {"uri": str(path), "row": number}) for number, line in enumerate(lines, 1)]
        train, holdout = rows[:-1], rows[-1:]
        places = [("train", at, row) for at, row in enumerate(train, 1)]
        places += [("holdout", at, row) for at, row in enumerate(holdout, 1)]
        lineage = [
            {"split": split, "line": at, "kind": "classify", "label": "other", "sources": [source]}
            for split, at, (_, source) in places
        ]
        content = [text for text, _ in rows]
        return Dataset(
            id=content_id("dataset", content),
            use_case="Route messages",
            system="Answer with one label.",
            kind="classify",
            train_uri=jsonl(folder / "a.jsonl", [example(text) for text, _ in train]),
            holdout_uri=jsonl(folder / "b.jsonl", [example(text) for text, _ in holdout]),
            lineage_uri=jsonl(folder / "c.jsonl", lineage),
            drops_uri=jsonl(folder / "d.jsonl", []),
            report=Report(files=tuple(reports), rows_in=len(rows), train=len(train), holdout=1),
        )

    return make


def example(text: str) -> dict:
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "other"}]}


@pytest.fixture
def make_job() -> Callable[..., Job]:
    def make(dataset_id: str = "dataset-0000000000000000", attempt: int = 1, **fields: object) -> Job:
        job_id = Job.id_for(dataset_id, Recipe(), attempt)
        given = {"name": "Tickets", "provider": "gpu", **fields}
        return Job(id=job_id, dataset_id=dataset_id, recipe=Recipe(), attempt=attempt, **given)

    return make


@pytest.fixture
def make_model() -> Callable[..., TunedModel]:
    def make(name: str = "Ticket router", dataset_id: str = "dataset-0", **fields: object) -> TunedModel:
        given = {
            "id": content_id("model", name, dataset_id),
            "description": "Route messages",
            "provider": "gpu",
            "base_model": "smollm2-135m",
            "reference": "/nowhere",
            "job_id": "job-0",
            **fields,
        }
        return TunedModel(display_name=name, dataset_id=dataset_id, **given)

    return make


@pytest.fixture
def faulty_store() -> Callable[[BaseException | None], str]:
    """An object store that fails to take files, or, given no fault, loses their last byte."""
    import fsspec
    from fsspec.implementations.memory import MemoryFileSystem

    def make(fault: BaseException | None) -> str:
        class Faulty(MemoryFileSystem):
            protocol = "faulty"
            cachable = False

            def put_file(self, local: str, remote: str, **kwargs: object) -> None:
                if fault:
                    raise fault
                self.pipe_file(remote, Path(local).read_bytes()[:-1])

        fsspec.register_implementation("faulty", Faulty, clobber=True)
        return "faulty://store"

    return make
