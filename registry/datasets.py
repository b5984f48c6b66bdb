"""Datasets: their four files in the shared store, and which source files their examples came from."""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, Select, or_, select
from sqlalchemy.sql.elements import ColumnElement

from errors import NotFound
from records import Dataset, Drop, Example, Kind, Message, Record, Source
from registry import files
from registry.artifacts import plain
from registry.database import Database, put, record_of
from registry.tables import dataset_files, datasets

PARTS = {
    "train_uri": "train.jsonl",
    "holdout_uri": "holdout.jsonl",
    "lineage_uri": "lineage.jsonl",
    "drops_uri": "drops.jsonl",
}


class TracedExample(Record):
    """An example of a dataset: its line in that split's file, counted from 1, and where it came from."""

    split: str
    line: int
    kind: Kind
    label: str | None = None
    sources: tuple[Source, ...]
    messages: tuple[Message, ...] = ()


class Datasets(Database):
    def keep_dataset(self, dataset: Dataset) -> Dataset:
        """Copy the dataset's files to datasets/ID and store its record, which then points there.

        That is below a store with a URI, so that other machines can work with them, else below the home.
        Keeping it again keeps the files and the day it was made, takes the new report, and adds source files.
        """
        shared = self.store.rstrip("/") if "://" in self.store else self.home.absolute()
        place = f"{shared}/datasets/{plain(dataset.id)}"
        examples = _examples_of_each_source(dataset.lineage_uri)
        _copy_in(dataset, place)
        kept = dataset.but(**{field: f"{place}/{name}" for field, name in PARTS.items()})
        with self.writing() as connection:
            stored = connection.execute(select(datasets.c.record).where(datasets.c.id == dataset.id)).scalar()
            if stored:
                kept = kept.but(created_at=Dataset.model_validate_json(stored).created_at)
            _store(connection, kept)
            _store_files(connection, kept, examples)
        return kept

    def dataset(self, key: str) -> Dataset:
        """By id or the unique start of one. Raises NotFound."""
        with self.reading() as connection:
            return Dataset.model_validate_json(record_of(connection, datasets, key))

    def datasets(self) -> list[Dataset]:
        """The newest first."""
        with self.reading() as connection:
            return _read(connection, select(datasets.c.record))

    def datasets_with_source(self, source: str | Path) -> list[Dataset]:
        """Datasets with at least one example from this file, the newest first.

        A local file is known by its path or its content, so a copy under another name is found; a file that
        isn't there, by URI or name.
        """
        with self.reading() as connection:
            found = _files_like(str(source)).with_only_columns(dataset_files.c.dataset_id)
            return _read(connection, select(datasets.c.record).where(datasets.c.id.in_(found)))

    def examples(self, dataset: Dataset) -> Iterator[Example]:
        """All of them in the order of the files, the training ones first."""
        for one in _traced(dataset, None, with_messages=True):
            yield Example(messages=one.messages, sources=one.sources, kind=one.kind)

    def drops(self, dataset: Dataset) -> Iterator[Drop]:
        """What was left out, in the order of the sources."""
        with files.opened(dataset.drops_uri) as lines:
            for line in lines:
                yield Drop.model_validate_json(line)

    def export_dataset(self, key: str, folder: Path) -> list[Path]:
        """Copy train.jsonl and holdout.jsonl to a folder. Raises NotFound."""
        dataset = self.dataset(key)
        targets = {dataset.train_uri: folder / "train.jsonl", dataset.holdout_uri: folder / "holdout.jsonl"}
        for uri, target in targets.items():
            files.copy(uri, target)
        return list(targets.values())

    def lineage(
        self, key: str, source: str | Path | None = None, with_messages: bool = False
    ) -> Iterator[TracedExample]:
        """Every example, the training ones first; only those that came from `source` if it is given.

        Raises NotFound, also for a source that gave no example.
        """
        dataset = self.dataset(key)
        uris = self._uris_of(dataset, str(source)) if source is not None else None
        return _traced(dataset, uris, with_messages)

    def _uris_of(self, dataset: Dataset, source: str) -> set[str]:
        """All URIs in this dataset under which the source's content is known."""
        columns = dataset_files.c
        here = columns.dataset_id == dataset.id
        with self.reading() as connection:
            found = connection.execute(_files_like(source).where(here)).all()
            digests = {row.sha256 for row in found} - {""}
            same = select(columns.uri).where(here, columns.sha256.in_(digests))
            uris = {row.uri for row in found} | set(connection.execute(same).scalars())
        if not uris:
            raise NotFound(
                f"No example of {dataset.id} came from '{source}'.",
                f"`luthier datasets show {dataset.id}` lists its files.",
            )
        return uris


def _examples_of_each_source(lineage_uri: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    with files.opened(lineage_uri) as lines:
        for line in lines:
            counts.update({source["uri"] for source in json.loads(line)["sources"]})
    return counts


def _copy_in(dataset: Dataset, place: str) -> None:
    folder = files.local(place)
    if folder:
        _copy_to_folder(dataset, folder)
    else:
        _copy_to_store(dataset, place)


def _copy_to_store(dataset: Dataset, place: str) -> None:
    """One put a file; their names come from their content, so that nobody writes other bytes over them."""
    with tempfile.TemporaryDirectory(prefix="luthier-") as temporary:
        for field, name in PARTS.items():
            if getattr(dataset, field) != f"{place}/{name}" and not files.exists(f"{place}/{name}"):
                copy = Path(temporary) / name
                files.copy(getattr(dataset, field), copy)
                files.upload(copy, f"{place}/{name}")


def _copy_to_folder(dataset: Dataset, folder: Path) -> None:
    """All four files or none: they are copied to a hidden folder, which then takes its name."""
    if folder.is_dir():
        return
    part = folder.with_name(f".{folder.name}.{uuid4().hex[:12]}.part")
    try:
        for field, name in PARTS.items():
            files.copy(getattr(dataset, field), part / name)
        with files.disk(folder):
            files.move_in(part, folder)
            files.sync_folder(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _store(connection: Connection, dataset: Dataset) -> None:
    put(
        connection,
        datasets,
        id=dataset.id,
        kind=dataset.kind,
        created_at=dataset.created_at,
        record=dataset.model_dump_json(),
    )


def _store_files(connection: Connection, dataset: Dataset, examples: Counter[str]) -> None:
    reports = {file.uri: file for file in dataset.report.files}
    here = dataset_files.c.dataset_id == dataset.id
    known = set(connection.execute(select(dataset_files.c.uri).where(here)).scalars())
    for uri in [*reports, *(examples.keys() - reports.keys())]:
        report = reports.get(uri)
        if uri in known and uri not in examples:
            continue
        put(
            connection,
            dataset_files,
            dataset_id=dataset.id,
            uri=uri,
            sha256=report.sha256 if report else "",
            name=report.name if report else uri.rpartition("/")[2],
            examples=examples[uri],
        )


def _read(connection: Connection, query: Select[tuple[str]]) -> list[Dataset]:
    newest_first = query.order_by(datasets.c.created_at.desc(), datasets.c.id)
    return [Dataset.model_validate_json(row.record) for row in connection.execute(newest_first)]


def _files_like(source: str) -> Select[tuple[str, str]]:
    """Files that gave examples and that a person may mean by `source`."""
    columns = dataset_files.c
    path = files.local(source)
    names = {source}
    if path is not None:
        names |= {str(path), str(path.absolute()), path.absolute().as_uri()}
    ways: list[ColumnElement[bool]] = [columns.uri.in_(names)]
    if path is not None and path.is_file():
        ways.append(columns.sha256 == files.digest(path))
    elif path is not None:
        end = "/" + source.lstrip("/")
        ways += [columns.name == source, columns.name.endswith(end, autoescape=True)]
        ways.append(columns.uri.endswith(end, autoescape=True))
    return select(columns.uri, columns.sha256).where(columns.examples > 0, or_(*ways))


def _traced(dataset: Dataset, uris: set[str] | None, with_messages: bool) -> Iterator[TracedExample]:
    with ExitStack() as stack:
        lineage = stack.enter_context(files.opened(dataset.lineage_uri))
        splits = {
            "train": stack.enter_context(files.opened(dataset.train_uri)),
            "holdout": stack.enter_context(files.opened(dataset.holdout_uri)),
        }
        for text in lineage:
            fields = json.loads(text)
            # read in step with the lineage, which has the same order
            example = next(splits[fields["split"]]) if with_messages else b"{}"
            if uris is None or any(source["uri"] in uris for source in fields["sources"]):
                yield TracedExample(**fields, messages=json.loads(example).get("messages", ()))
