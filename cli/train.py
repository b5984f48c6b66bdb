"""`luthier demo`, `prepare` and `train`: they start flows and print what came out."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import launch
from cli import options, preview, views
from cli.preparing import prepares
from cli.terminal import WrongUsage, err, follow_steps, print_json
from cli.wiring import open_registry
from providers import is_hosted
from records import Dataset, Job, Preparation, TunedModel

if TYPE_CHECKING:
    from registry.store import Registry


EXAMPLES = Path(__file__).parents[1] / "examples"
DEMO_USE_CASE = "Route support tickets of an online shop to the queue that handles them"

READ_ONLY = "Stopped. No dataset was made; files that have been read are not read again."
BEGUN = "Stopped. `luthier jobs` lists what was begun; `luthier jobs retry JOB` goes on with it."


def demo(json: options.Json = False) -> None:
    """The whole main job on examples/: no key, no GPU, no server."""
    if not json:
        err.print(f'[bold]luthier train examples/tickets.csv --use-case "{DEMO_USE_CASE}"[/]')
    train(sources=[str(EXAMPLES / "tickets.csv")], use_case=DEMO_USE_CASE, name="Ticket router", json=json)


@prepares
def prepare(
    sources: options.Sources,
    use_case: options.UseCase = "",
    base_model: options.BaseModel = None,
    preparation: Preparation = Preparation(),
    json: options.Json = False,
) -> None:
    """Make a validated dataset from files, and show what came in, what was left out and why."""
    parameters = {
        "sources": absolute(options.check_given(sources, use_case)),
        "use_case": use_case,
        "recipe": options.recipe_of(base_model, seed=preparation.seed),
        "preparation": preparation,
    }
    dataset: Dataset = run_flow("prepare_dataset", parameters)
    if json:
        print_json({"dataset": dataset})
    else:
        preview.show_dataset(dataset, open_registry())


@prepares
def train(
    sources: options.Sources = None,
    use_case: options.UseCase = "",
    dataset: Annotated[str | None, typer.Option(help="train on a dataset made before")] = None,
    base_model: options.BaseModel = None,
    name: options.Name = None,
    epochs: options.Epochs = None,
    learning_rate: options.LearningRate = None,
    rank: options.Rank = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="return once the job has started")] = True,
    accept_retirement: options.AcceptRetirement = False,
    max_cost: options.MaxCost = None,
    option: options.Option = None,
    approve: Annotated[bool, typer.Option(help="show the data and ask before anything is trained")] = False,
    preparation: Preparation = Preparation(),
    json: options.Json = False,
) -> None:
    """Fine-tune a model on files for a use case, measure it against its base, publish it."""
    own = options.provider_options(option, accept_retirement, max_cost)
    parameters: dict[str, Any] = {
        "name": name,
        "recipe": options.recipe_of(base_model, epochs, learning_rate, rank, preparation.seed, own),
        "to_the_end": wait,
    }
    registry = open_registry()
    if dataset and sources:
        raise WrongUsage("Both sources and a dataset were given.", "Give one of them.")
    if dataset:
        parameters["dataset_id"] = registry.dataset(dataset).id
    else:
        parameters |= {
            "sources": absolute(options.check_given(sources, use_case)),
            "use_case": use_case,
            "preparation": preparation,
        }
    if approve:
        parameters = approved(parameters, preparation, registry)
    result: TunedModel | Job = run_flow("fine_tune", parameters)
    if isinstance(result, Job) and result.status != "succeeded":
        go_on_with(result, registry)
    show_result(result, registry, json)


def go_on_with(job: Job, registry: "Registry") -> None:
    """Wait for the started job in the background: own hardware by a process, a hosted one by the runner."""
    if not is_hosted(job.provider):
        log = registry.job_folder(job.id) / "flow.log"
        launch.detach_flow("finish_job", {"job_id": job.id}, log)
        return
    registry.take_on(job)
    launch.detach_runner(registry.home)


def approved(parameters: dict[str, Any], preparation: Preparation, registry: "Registry") -> dict[str, Any]:
    """What is left to do once a person has seen the data and agreed. Raises Abort if they do not."""
    if dataset_id := parameters.get("dataset_id"):
        dataset = registry.dataset(dataset_id)
    else:
        first = ("sources", "use_case", "recipe")
        dataset = run_flow(
            "prepare_dataset", {name: parameters[name] for name in first} | {"preparation": preparation}
        )
    preview.show_dataset(dataset, registry, to=err)
    if not typer.confirm(f"Train {parameters['recipe'].base_model} on it?", err=True):
        err.print("Not approved: nothing was trained. The dataset is kept.")
        raise typer.Abort
    kept = ("name", "recipe", "to_the_end")
    return {name: parameters[name] for name in kept} | {"dataset_id": dataset.id}


def run_flow(flow: str, parameters: dict[str, Any]) -> Any:
    """Run a flow here, its steps told on stderr."""
    steps = follow_steps()
    try:
        return launch.run(flow, parameters)
    except KeyboardInterrupt:
        err.print(READ_ONLY if flow == "prepare_dataset" else BEGUN)
        raise
    finally:
        steps.close()


def show_result(result: TunedModel | Job, registry: "Registry", json: bool) -> None:
    """The job with what it made so far: as one document, or for people."""
    job = registry.job(result.job_id if isinstance(result, TunedModel) else result.id)
    model = result if isinstance(result, TunedModel) else registry.model_of_job(job.id)
    dataset = registry.dataset(job.dataset_id)
    evaluation = model.evaluation if model else None
    if json:
        print_json({"job": job, "model": model, "dataset": dataset, "evaluation": evaluation})
    elif model:
        views.show_made(model, dataset)
    else:
        views.show_started(job)


def absolute(sources: list[str]) -> list[str]:
    """Local paths made absolute, so that a worker elsewhere in the tree finds them; URIs as they are."""
    return [source if "://" in source else os.path.abspath(os.path.expanduser(source)) for source in sources]
