"""Files and a use case in, a validated dataset out; nothing is trained: `luthier prepare`."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from records import Dataset, Preparation, Recipe
from tasks.clean import clean
from tasks.ingest import ingest
from tasks.naming import run_name
from tasks.structure import structure
from tasks.validate import validate


@flow(name="prepare-dataset", flow_run_name=run_name, persist_result=True, result_serializer="json")
def prepare_dataset(
    sources: Annotated[
        list[str], Field(title="Sources", description="files, folders, globs, or s3:// and gs:// URIs")
    ],
    use_case: Annotated[
        str, Field(title="Use case", description="what a model trained on the dataset is for")
    ],
    recipe: Annotated[
        Recipe, Field(title="Recipe", description="the base model whose limits the dataset must meet")
    ] = Recipe(),
    preparation: Annotated[
        Preparation, Field(title="Preparation", description="how files become examples")
    ] = Preparation(),
) -> Dataset:
    """Read, clean, structure and validate."""
    rows = ingest(sources)
    cleaned = clean(rows, preparation)
    dataset = structure(cleaned, use_case, preparation)
    return validate(dataset, recipe)
