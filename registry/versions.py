"""Versions of a model that is made again and again: one name for all, which points at the current one."""

from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy import Connection, or_, select

from errors import InvalidData, NotFound, Unavailable
from records import Evaluation, Record, TunedModel, now
from registry.database import insert_missing, put
from registry.models import Models, current_of
from registry.tables import model_names, model_versions, models


class Version(Record):
    """One model under a name, counted from 1. `judgement` is empty until it was compared with the current."""

    name: str
    number: int
    model_id: str
    judgement: str = Field("", description="why the name was moved to it, or was not")
    comparison: Evaluation | None = Field(None, description="base: the version before; tuned: this one")
    created_at: datetime = Field(default_factory=now)


class Versions(Models):
    def add_version(self, name: str, model: TunedModel) -> Version:
        """The model as the newest version of that name, or as the version that it already is.

        The first one is current at once.
        """
        with self.writing() as connection:
            known = _versions(connection, name, model_versions.c.model_id == model.id)
            if known:
                return known[0]
            before = _versions(connection, name)
            version = Version(name=name, number=before[0].number + 1 if before else 1, model_id=model.id)
            first = _current(connection, name) is None
            version = version.but(judgement="It is the first.") if first else version
            if not insert_missing(connection, model_versions, **_row(version)):
                raise Unavailable(f"Another process adds a version of '{name}'.", "Try again.")
            if first:
                _point(connection, name, model.id)
        return version

    def judge_version(
        self, version: Version, judgement: str, promote: bool, comparison: Evaluation | None = None
    ) -> Version:
        """Keep how it was compared, and point the name at it if it is to be current."""
        with self.writing() as connection:
            judged = version.but(judgement=judgement, comparison=comparison)
            put(connection, model_versions, **_row(judged))
            if promote:
                _point(connection, version.name, version.model_id)
        return judged

    def versions(self, key: str) -> list[Version]:
        """Of a name or alias, the newest first, with those whose model was deleted. Raises NotFound."""
        with self.reading() as connection:
            return _versions(connection, _name_of(connection, key))

    def current_version(self, key: str) -> Version | None:
        """What the name or alias points at; none if that model was deleted. Raises NotFound."""
        with self.reading() as connection:
            return _current(connection, _name_of(connection, key))

    def alias_of(self, name: str) -> str | None:
        with self.reading() as connection:
            return connection.execute(select(model_names.c.alias).where(model_names.c.name == name)).scalar()

    def point_at(self, key: str, number: int) -> Version:
        """Make that version the current one. Raises NotFound for one that isn't there any more."""
        with self.writing() as connection:
            name = _name_of(connection, key)
            found = _versions(connection, name, model_versions.c.number == number, alive=True)
            if not found:
                raise NotFound(
                    f"'{name}' has no version {number}.", f"`luthier models versions '{name}'` lists them."
                )
            _point(connection, name, found[0].model_id)
        return found[0]

    def give_alias(self, name: str, alias: str | None) -> None:
        """Set or take away the name's alias. Raises InvalidData for one that another name has."""
        columns = model_names.c
        with self.writing() as connection:
            taken = select(columns.name).where(columns.name != name)
            taken = taken.where(or_(columns.alias == alias, columns.name == alias))
            other = connection.execute(taken).scalar() if alias else None
            if other:
                raise InvalidData(
                    f"The alias '{alias}' belongs to '{other}'.", "Choose another, or take it away there."
                )
            connection.execute(model_names.update().where(columns.name == name).values(alias=alias))


def _name_of(connection: Connection, key: str) -> str:
    columns = model_names.c
    found = connection.execute(
        select(columns.name)
        .where(or_(columns.name == key, columns.alias == key))
        .order_by((columns.name == key).desc())
    ).scalar()
    if found is None:
        raise NotFound(
            f"There are no versions of '{key}'.",
            "Names with versions are made by `luthier batch run`; `luthier models` lists all models.",
        )
    return str(found)


def _versions(connection: Connection, name: str, *which: Any, alive: bool = False) -> list[Version]:
    query = select(model_versions.c.record).where(model_versions.c.name == name, *which)
    if alive:
        shown = select(models.c.id).where(models.c.deleted_at.is_(None))
        query = query.where(model_versions.c.model_id.in_(shown))
    newest_first = query.order_by(model_versions.c.number.desc())
    return [Version.model_validate_json(text) for text in connection.execute(newest_first).scalars()]


def _current(connection: Connection, name: str) -> Version | None:
    model_id = current_of(connection, name)
    found = _versions(connection, name, model_versions.c.model_id == model_id) if model_id else []
    return found[0] if found else None


def _point(connection: Connection, name: str, model_id: str) -> None:
    known = connection.execute(select(model_names.c.alias).where(model_names.c.name == name)).first()
    alias = known.alias if known else None
    put(connection, model_names, name=name, alias=alias, model_id=model_id, updated_at=now())


def _row(version: Version) -> dict[str, Any]:
    looked_up = {name: getattr(version, name) for name in ("name", "number", "model_id")}
    return {**looked_up, "record": version.model_dump_json()}
