"""Read the job specs of a folder and decide which are to be run tonight, and why."""

import logging
import posixpath
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from batch.spec import JobSpec, Schedule, read_spec
from batch.summary import Line
from errors import InvalidData, LuthierError, NotEnoughData, NotFound, TrainingFailed
from preparation.sources import find_files, is_remote
from records import Record, content_id, now
from registry import files
from registry.batches import SpecRun
from settings import settings
from tasks.retries import PATIENT, passes
from tasks.wiring import base_named, open_registry

log = logging.getLogger("luthier.batch")

ENDINGS = (".yaml", ".yml")
# a night begins a little earlier or later than the one before
EVERY: dict[Schedule, timedelta] = {"weekly": timedelta(days=6.5), "monthly": timedelta(days=27.5)}
# with the same data these fail again, and a vendor's job that ended badly would be paid for again
FINAL = (NotEnoughData.code, InvalidData.code, TrainingFailed.code)


class Order(Record):
    """A spec that is to be run: its sources and base model are complete, `data` and `asked` are hashes."""

    file: str
    spec: JobSpec
    provider: str
    data: str
    asked: str
    reason: str


class Plan(Record):
    folder: str
    started_at: datetime
    orders: tuple[Order, ...] = ()
    lines: tuple[Line, ...] = ()


@task(name="plan batch", **PATIENT | {"cache_policy": NO_CACHE})
def plan_batch(folder: str, only: Sequence[str] = ()) -> Plan:
    """What to run, and a line for each spec that is left or broken. `only` names models, run in any case.

    Raises NotFound for a folder that isn't there and for a name that no spec has.
    """
    place = folder or settings().specs_uri
    started = now()
    if not folder and not is_remote(place) and not Path(place).exists():
        log.info("There is no folder %s, so nothing is to be made.", place)
        return Plan(folder=place, started_at=started)
    orders: list[Order] = []
    lines: list[Line] = []
    seen: dict[str, str] = {}
    for file, uri in spec_files(place):
        entry = planned(file, uri, seen, only)
        orders += [entry] if isinstance(entry, Order) else []
        lines += [entry] if isinstance(entry, Line) else []
    if missing := sorted(set(only) - seen.keys()):
        raise NotFound(
            f"No job spec in {place} makes a model called '{missing[0]}'.",
            f"There are: {', '.join(sorted(seen)) or 'none'}.",
        )
    log.info("%d job specs: %d to run, %d left.", len(orders) + len(lines), len(orders), len(lines))
    for line in lines:
        said = f"{line.failure.message} {line.failure.hint}" if line.failure else line.reason
        log.log(logging.WARNING if line.failure else logging.INFO, "%s: %s: %s", line.spec, line.what, said)
    return Plan(folder=place, started_at=started, orders=tuple(orders), lines=tuple(lines))


def spec_files(place: str) -> Iterator[tuple[str, str]]:
    """Names and URIs of the YAML files right in the folder; what lies deeper may be data."""
    for file in sorted(find_files([place]), key=lambda file: file.name):
        alone = "/" not in file.name
        if alone and file.name.lower().endswith(ENDINGS):
            yield file.name, file.uri


def planned(file: str, uri: str, seen: dict[str, str], only: Sequence[str]) -> Order | Line | None:
    """None for a spec that was not asked for."""
    name = ""
    try:
        spec = complete(read_spec(text_of(uri), file), uri)
        name = spec.name
        for taken in filter(None, (spec.name, spec.alias)):
            if taken in seen:
                raise InvalidData(
                    f"{file}: the name '{taken}' is used by {seen[taken]} too.", "Give each model its own."
                )
            seen[taken] = file
        if only and name not in only:
            return None
        order = Order(
            file=file,
            spec=spec,
            provider=base_named(spec.recipe.base_model).provider,
            data=content_id("data", *digests([*spec.sources, *spec.preparation.held])),
            asked=content_id(
                "spec", spec.model_dump(mode="json", include={"use_case", "recipe", "preparation"})
            ),
            reason="",
        )
    except LuthierError as error:
        return None if only and not name else failed_line(file, name, error)
    return decided(order, open_registry().spec_run(name), asked_for=bool(only))


def failed_line(file: str, name: str, error: LuthierError) -> Line:
    why = "the spec can't be used" if not name else "it can't be begun"
    return Line(spec=file, name=name, what="failed", reason=why, failure=error.failure)


def decided(order: Order, last: SpecRun | None, asked_for: bool = False) -> Order | Line:
    """Whether it is its turn."""
    spec, moment = order.spec, now()
    if asked_for:
        return order.but(reason="it was asked for")
    if spec.schedule == "manual":
        return left(order, last, "it is made only when asked for by name")
    if last is None:
        return order.but(reason="it is new")
    changed = [
        what
        for what, same in (("data", last.data == order.data), ("spec", last.spec == order.asked))
        if not same
    ]
    if changed:
        due = last.trained_at + EVERY[spec.schedule] if last.trained_at and spec.schedule in EVERY else moment
        if due > moment:
            return left(
                order,
                last,
                f"{' and '.join(changed)} changed, but it is made {spec.schedule}: due {due:%Y-%m-%d}",
            )
        return order.but(reason=f"{' and '.join(changed)} changed")
    if last.status == "succeeded":
        return left(order, last, f"data and spec are as they were on {last.at:%Y-%m-%d %H:%M} UTC")
    if last.failure is None:
        return order.but(reason="it was interrupted")
    if passes(last.failure) or last.failure.code not in FINAL:
        return order.but(reason=f"it failed on {last.at:%Y-%m-%d %H:%M} UTC, and that may have passed")
    return Line(
        spec=order.file, name=spec.name, what="failed", job_id=last.job_id, failure=last.failure,
        reason=f"it failed on {last.at:%Y-%m-%d %H:%M} UTC and nothing has changed since: not tried again",
        notify=spec.notify,
    )  # fmt: skip


def left(order: Order, last: SpecRun | None, reason: str) -> Line:
    return Line(
        spec=order.file, name=order.spec.name, what="skipped", reason=reason,
        version=last.version if last else None, model_id=last.model_id if last else None,
        job_id=last.job_id if last else None,
    )  # fmt: skip


def text_of(uri: str) -> str:
    """Raises InvalidData for bytes that are no text."""
    with files.opened(uri) as file:
        raw = file.read(1 << 20)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidData(f"{uri} is no text in UTF-8.", "Save it as UTF-8.") from error


def complete(spec: JobSpec, uri: str) -> JobSpec:
    """With sources that start at the spec's folder, and a base model."""
    folder = uri.rpartition("/")[0]
    sources = [source_at(folder, source) for source in spec.sources]
    held = tuple(source_at(folder, source) for source in spec.preparation.held)
    recipe = spec.recipe
    if "base_model" not in recipe.model_fields_set:
        recipe = recipe.but(base_model=settings().base_model)
    return spec.but(sources=sources, recipe=recipe, preparation=spec.preparation.but(held=held))


def source_at(folder: str, source: str) -> str:
    if "://" in source or source.startswith("/"):
        return source
    if source.startswith("~"):
        return str(Path(source).expanduser())
    scheme, mark, path = folder.rpartition("://")
    return f"{scheme}{mark}{posixpath.normpath(posixpath.join(path, source))}"


def digests(sources: Sequence[str]) -> list[tuple[str, str]]:
    """Name and SHA-256 of every file. Raises NotFound for a source without any."""
    found = find_files(list(sources))
    if not found:
        raise NotFound(f"There is no file in {', '.join(sources)}.", "Check the spec's `sources`.")
    return sorted((file.name, "" if file.fault else files.digest(file.uri)) for file in found)
