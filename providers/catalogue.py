"""The base models that can be tuned, from catalogue.toml and the operator's own file."""

import tomllib
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from pydantic import Field, ValidationError

from errors import NotConfigured, Refused
from records import Record


class Base(Record):
    """A base model. Prices are US dollars.

    `tunable_until` is the last day on which a job can be started; on `inference_until` the vendor shuts the
    base down, and every model tuned on it.
    """

    id: str
    provider: str
    family: str = ""
    summary: str = ""
    premium: bool = False
    methods: tuple[str, ...] = Field(("supervised",), description="ways to tune it; none: not tunable")
    context: int = Field(description="tokens that the model can read at once")
    example_tokens: int = Field(description="tokens that a training example may have")
    minimum_examples: int = 10
    training_price: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="per million tokens; none: free or unknown"
    )
    price_as_of: date | None = None
    tunable_until: date | None = None
    inference_until: date | None = None
    successor: str = ""
    licence: str = ""

    def tunable_on(self, day: date) -> bool:
        """Whether a job can be started on that day."""
        shut = self.inference_until is not None and day >= self.inference_until
        closed = self.tunable_until is not None and day > self.tunable_until
        return bool(self.methods) and not shut and not closed

    def with_shutdown(self, day: date | None) -> "Base":
        """The entry with the date that the vendor itself names, which wins over the file's."""
        return self.but(inference_until=day) if day else self


@lru_cache(4)
def bases(own_file: Path | None = None) -> dict[str, Base]:
    """All base models by id; entries of `own_file` add to the shipped ones or change their fields.

    Raises NotConfigured if the operator's file can't be read.
    """
    tables = tomllib.loads((Path(__file__).parent / "catalogue.toml").read_text("utf-8"))
    if own_file:
        try:
            own = tomllib.loads(own_file.expanduser().read_text("utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise NotConfigured(
                f"The catalogue file {own_file} can't be read: {error}.",
                "Mend it, or unset LUTHIER_BASES_FILE.",
            ) from error
        for name, fields in own.items():
            entry = fields if isinstance(fields, dict) else {name: fields}
            tables[name] = {**tables.get(name, {}), **entry}
    try:
        return {name: Base(id=name, **fields) for name, fields in tables.items()}
    except ValidationError as error:
        fault = error.errors()[0]
        raise NotConfigured(
            f"The catalogue file {own_file} has a wrong entry: {fault['loc'][0]}: {fault['msg']}.",
            "Mend it; docs/providers.md lists the fields.",
        ) from error


def find(base_model: str, own_file: Path | None = None) -> Base:
    """The catalogue's entry; a hub id or a local folder that it lacks is taken for own hardware.

    Raises Refused for a name that can be neither.
    """
    known = bases(own_file)
    if base_model in known:
        return known[base_model]
    # own hardware says what is wrong with a path that is no folder
    if Path(base_model).expanduser().exists() or base_model.count("/") == 1:
        return Base(id=base_model, provider="gpu", context=4096, example_tokens=4096)
    near = get_close_matches(base_model, known, n=1, cutoff=0.6)
    raise Refused(
        f"There is no base model called '{base_model}'.",
        (f"Did you mean '{near[0]}'? " if near else "")
        + "`luthier bases` lists them; a hub id (owner/name) or a folder with a model works too.",
    )
