"""Files and a use case in, a measured and published model out: `luthier train SOURCE… --use-case TEXT`."""

from typing import Annotated, Any

from prefect import State, flow
from pydantic import Field

from records import Job, Preparation, Recipe, TunedModel
from tasks.admit import admit
from tasks.approval import approved, declined
from tasks.clean import clean
from tasks.evaluate import evaluate
from tasks.fetch_dataset import fetch_dataset
from tasks.ingest import ingest
from tasks.limits import training_slot
from tasks.naming import run_name
from tasks.open_job import open_job
from tasks.publish import publish
from tasks.reopen_job import reopen_job
from tasks.retries import RESUMABLE
from tasks.structure import structure
from tasks.submit import submit
from tasks.teach import teach
from tasks.validate import validate
from tasks.wait import wait


@flow(name="fine-tune", flow_run_name=run_name, **RESUMABLE)
def fine_tune(
    use_case: Annotated[str, Field(title="Use case", max_length=4000)] = "",
    sources: Annotated[list[str], Field(title="Sources")] = [],  # noqa: B006 (nothing changes it)
    dataset_id: Annotated[str | None, Field(title="Dataset", max_length=64)] = None,
    name: Annotated[str | None, Field(title="Name of the model", max_length=200)] = None,
    recipe: Annotated[Recipe, Field(title="Recipe")] = Recipe(),
    preparation: Annotated[Preparation, Field(title="Preparation")] = Preparation(),
    approve: Annotated[bool, Field(title="Ask before training")] = False,
    to_the_end: Annotated[bool, Field(title="Wait for the model")] = True,
) -> TunedModel | Job | State[Any]:
    """Read files, make a dataset of them, train on it, measure the model against its base, publish it.

    Args:
        use_case: What the model is for, in a sentence or two: its role, the subject, the tone.
        sources: Files, folders, globs, or s3:// and gs:// URIs that the worker can read.
        dataset_id: Train on a dataset that was made before, instead of use case and sources.
        name: Shown on the model's card. Default: the base model's name.
        recipe: What to train and how. Empty fields are filled in by the size of the data.
        preparation: How the files are cleaned, structured and split.
        approve: Show the data's report and wait for a person's answer before anything is trained.
        to_the_end: Off: return as soon as the job is started; the flow finish-job goes on with it.
    """
    admit(recipe, dataset_id)
    if dataset_id:
        dataset = fetch_dataset(dataset_id)
    else:
        rows = ingest(sources, preparation.held)
        cleaned = clean(rows, preparation)
        taught = teach(cleaned, use_case, preparation) if preparation.teacher else cleaned
        dataset = structure(taught, use_case, preparation)
    opened = open_job(dataset, recipe, name)
    job = reopen_job(opened.id, validates=True)
    checked = validate(dataset, job.recipe, job)
    if approve and not approved(job, checked):
        return declined(job)
    with training_slot(job):
        submitted = submit(job, to_the_end)
        if not to_the_end:
            return submitted
        ended = wait(submitted)
    evaluation = evaluate(ended)
    return publish(ended, evaluation)
