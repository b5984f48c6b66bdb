"""Tuned models: listed, named, traced to what they learned from, deleted with their artefact."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from errors import InvalidData
from records import TunedModel, now
from registry import files
from registry.database import put, record_of
from registry.datasets import Datasets
from registry.tables import model_names, models

LONGEST_NAME = 100


class Models(Datasets):
    def add_model(self, model: TunedModel) -> TunedModel:
        """Store the model. Publishing it again renews all but its name and its first day."""
        with self.writing() as connection:
            stored = connection.execute(
                select(models.c.record).where(models.c.id == model.id, _shown()).with_for_update()
            ).scalar()
            if stored:
                old = TunedModel.model_validate_json(stored)
                model = model.but(display_name=old.display_name, created_at=old.created_at)
            put(connection, models, **_row(model))
        return model

    def model(self, key: str) -> TunedModel:
        """By id, the unique start of one, a display name that only one model has, or the name or alias of
        versions, which is the current one. Raises NotFound."""
        with self.reading() as connection:
            return _find(connection, key)

    def models(self) -> list[TunedModel]:
        """The newest first, without deleted ones."""
        return self._models(select(models.c.record))

    def rename_model(self, key: str, name: str) -> TunedModel:
        """Raises NotFound, and InvalidData for a name that is empty or over 100 characters."""
        name = checked_name(name)
        with self.writing() as connection:
            renamed = _find(connection, key).but(display_name=name, updated_at=now())
            put(connection, models, **_row(renamed))
        return renamed

    def delete_model(self, key: str) -> TunedModel:
        """Remove the artefact, then take the model off the lists.

        In this order a store that can't be reached (Unavailable) leaves a model that is listed and can be
        deleted again. An artefact that another model uses too stays. Raises NotFound.
        """
        model = self.model(key)
        if model.artifact and not self._shares_artifact(model):
            files.remove(model.artifact)
        with self.writing() as connection:
            connection.execute(models.update().where(models.c.id == model.id).values(deleted_at=now()))
        return model

    def model_of_job(self, job_id: str) -> TunedModel | None:
        """The model that the job made, if it got that far and is still there."""
        made = self._models(select(models.c.record).where(models.c.job_id == job_id))
        return made[0] if made else None

    def models_with_source(self, source: str | Path) -> list[TunedModel]:
        """Models whose dataset has an example of this file, in training or holdout."""
        ids = [dataset.id for dataset in self.datasets_with_source(source)]
        return self._models(select(models.c.record).where(models.c.dataset_id.in_(ids)))

    def _models(self, query: Select[tuple[str]]) -> list[TunedModel]:
        newest_first = query.where(_shown()).order_by(models.c.created_at.desc(), models.c.id)
        with self.reading() as connection:
            return [TunedModel.model_validate_json(row.record) for row in connection.execute(newest_first)]

    def _shares_artifact(self, model: TunedModel) -> bool:
        others = (models.c.artifact == model.artifact, models.c.id != model.id, _shown())
        with self.reading() as connection:
            return bool(connection.execute(select(func.count()).select_from(models).where(*others)).scalar())


def checked_name(name: str) -> str:
    """A model's name with its blanks tidied. Raises InvalidData for one that can't be."""
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise InvalidData(
            f"A model's name has 1 to {LONGEST_NAME} printable characters.",
            "Say purpose, audience or version.",
        )
    return name


def _shown() -> Any:
    return models.c.deleted_at.is_(None)


def _find(connection: Connection, key: str) -> TunedModel:
    named = models.c.display_name == key
    wanted = current_of(connection, key) or key
    return TunedModel.model_validate_json(record_of(connection, models, wanted, named, among=[_shown()]))


def current_of(connection: Connection, key: str) -> str | None:
    """The id of the model that a name or alias points at, if it is one and the model is there."""
    columns = model_names.c
    pointed = select(models.c.id).join(model_names, columns.model_id == models.c.id)
    named = pointed.where(or_(columns.name == key, columns.alias == key), _shown())
    # a name wins over another's alias
    return connection.execute(named.order_by((columns.name == key).desc()).limit(1)).scalar()


def _row(model: TunedModel) -> dict[str, Any]:
    return {
        "id": model.id,
        "display_name": model.display_name,
        "provider": model.provider,
        "job_id": model.job_id,
        "dataset_id": model.dataset_id,
        "artifact": model.artifact,
        "created_at": model.created_at,
        "deleted_at": None,
        "record": model.model_dump_json(),
    }
