"""The base models that can be tuned, from catalogue.toml and the operator's own file."""

import tomllib
from datetime import date
from functools import lru_cache
from pathlib import Path

from pydantic import Field

from errors import NotConfigured, Refused
from records import Record


class Base(Record):
    """A base model. Dates are the last day on which the thing still works; prices are US dollars."""

    id: str
    provider: str
    family: str = ""
    summary: str = ""
    premium: bool = False
    context: int = Field(description="tokens that the model can read at once")
    example_tokens: int = Field(description="tokens that a training example may have")
    minimum_examples: int = 10
    training_price: float | None = Field(None, description="per million tokens; none: own hardware")
    price_as_of: date | None = None
    tunable_until: date | None = None
    inference_until: date | None = None
    successor: str = ""
    licence: str = ""


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
            tables[name] = {**tables.get(name, {}), **fields}
    return {name: Base(id=name, **fields) for name, fields in tables.items()}


def find(base_model: str, own_file: Path | None = None) -> Base:
    """The catalogue's entry; a hub id or a local folder that it lacks is taken for own hardware.

    Raises Refused for a name that can be neither.
    """
    known = bases(own_file)
    if base_model in known:
        return known[base_model]
    if Path(base_model).expanduser().is_dir() or base_model.count("/") == 1:
        return Base(id=base_model, provider="gpu", context=4096, example_tokens=4096)
    raise Refused(
        f"There is no base model called '{base_model}'.",
        "`luthier bases` lists them; a hub id (owner/name) or a folder with a model works too.",
    )
