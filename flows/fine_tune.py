"""Files and a use case in, a measured and published model out: `luthier train SOURCE… --use-case TEXT`."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from records import Job, Preparation, Recipe, TunedModel
from tasks.clean import clean
from tasks.evaluate import evaluate
from tasks.fetch_dataset import fetch_dataset
from tasks.ingest import ingest
from tasks.naming import run_name
from tasks.open_job import open_job
from tasks.publish import publish
from tasks.structure import structure
from tasks.submit import submit
from tasks.validate import validate
from tasks.wait import wait


@flow(name="fine-tune", flow_run_name=run_name, persist_result=True, result_serializer="json")
def fine_tune(
    sources: Annotated[
        list[str],
        Field(title="Sources", description="files, folders, globs, or s3:// and gs:// URIs"),
    ] = [],  # noqa: B006 (Prefect shows it in the form and never changes it)
    use_case: Annotated[
        str,
        Field(
            title="Use case",
            description="what the model is for, in a sentence or two: its role, the subject, the tone",
        ),
    ] = "",
    name: Annotated[
        str | None, Field(title="Model name", description="shown on the card; default: the base model's name")
    ] = None,
    recipe: Annotated[Recipe, Field(title="Recipe", description="what to train and how")] = Recipe(),
    preparation: Annotated[
        Preparation, Field(title="Preparation", description="how files become examples")
    ] = Preparation(),
    dataset_id: Annotated[
        str | None, Field(title="Dataset", description="train on a dataset made before, instead of sources")
    ] = None,
    to_the_end: Annotated[
        bool, Field(title="To the end", description="off: return once the job is started; finish-job goes on")
    ] = True,
) -> TunedModel | Job:
    """Read the files, make a dataset, train on it, measure the model against its base, publish it."""
    if dataset_id:
        dataset = fetch_dataset(dataset_id)
    else:
        rows = ingest(sources)
        cleaned = clean(rows, preparation)
        dataset = structure(cleaned, use_case, preparation)
    job = open_job(dataset, recipe, name)
    validate(dataset, job.recipe, job)
    submitted = submit(job)
    if not to_the_end:
        return submitted
    ended = wait(submitted)
    evaluation = evaluate(ended)
    return publish(ended, evaluation)
