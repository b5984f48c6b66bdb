"""Files and a use case in, a validated dataset out; nothing is trained: `luthier prepare`."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from records import Dataset, Preparation, Recipe
from tasks.clean import clean
from tasks.ingest import ingest
from tasks.naming import run_name
from tasks.retries import RESUMABLE
from tasks.structure import structure
from tasks.teach import teach
from tasks.validate import validate


@flow(name="prepare-dataset", flow_run_name=run_name, **RESUMABLE)
def prepare_dataset(
    use_case: Annotated[str, Field(title="Use case", min_length=3, max_length=4000)],
    sources: Annotated[list[str], Field(title="Sources", min_length=1)],
    recipe: Annotated[Recipe, Field(title="Recipe")] = Recipe(),
    preparation: Annotated[Preparation, Field(title="Preparation")] = Preparation(),
) -> Dataset:
    """Read files, make a dataset of them and check it against a base model's limits.

    Args:
        use_case: What a model trained on the dataset is for, in a sentence or two.
        sources: Files, folders, globs, or s3:// and gs:// URIs that the worker can read.
        recipe: The base model whose limits the dataset must meet; the rest is not used.
        preparation: How the files are cleaned, structured and split.
    """
    rows = ingest(sources, preparation.held)
    cleaned = clean(rows, preparation)
    taught = teach(cleaned, use_case, preparation) if preparation.teacher else cleaned
    dataset = structure(taught, use_case, preparation)
    return validate(dataset, recipe)
