"""`luthier datasets`: list, show, export; find what came from a file."""

from pathlib import Path
from typing import Annotated

import typer

from cli import options, preview, views
from cli.terminal import WrongUsage, err, print_json
from cli.wiring import open_registry
from errors import NotFound
from providers import exports

app = typer.Typer(help="Prepared datasets: list, show, export.", invoke_without_command=True)


@app.callback()
def datasets(context: typer.Context, json: options.Json = False) -> None:
    """List all datasets, the newest first."""
    if context.invoked_subcommand:
        return
    found = open_registry().datasets()
    print_json({"datasets": found}) if json else views.list_datasets(found)


@app.command()
def show(
    dataset: Annotated[str | None, typer.Argument(metavar="[DATASET]")] = None,
    source: Annotated[
        str | None, typer.Option(help="a document: list every dataset and model that contains it")
    ] = None,
    json: options.Json = False,
) -> None:
    """One dataset with its report and examples; with --source what was made from a file."""
    registry = open_registry()
    if source:
        found = registry.datasets_with_source(source)
        models = registry.models_with_source(source)
        if not found:
            raise NotFound(f"No dataset contains '{source}'.", "`luthier datasets` lists them all.")
        if json:
            print_json({"source": source, "datasets": found, "models": models})
        else:
            views.show_source(source, found, models)
        return
    if not dataset:
        raise WrongUsage("No dataset was given.", "Name one, or a document by --source FILE.")
    one = registry.dataset(dataset)
    print_json({"dataset": one}) if json else preview.show_dataset(one, registry)


@app.command()
def export(
    dataset: Annotated[str, typer.Argument(metavar="DATASET")],
    to: Annotated[Path, typer.Option(help="the folder to write train.jsonl and holdout.jsonl to")] = Path(
        "."
    ),
    form: Annotated[
        exports.Form, typer.Option("--format", help="as Hugging Face, OpenAI or Gemini take it, or as text")
    ] = "messages",
    json: options.Json = False,
) -> None:
    """Write the training and the holdout examples as JSONL."""
    paths = open_registry().export_dataset(dataset, to)
    for path in paths:
        exports.convert(path, form)
    if json:
        print_json({"paths": [str(path) for path in paths]})
    for path in paths if not json else []:
        err.print(f"Wrote {path}", markup=False)
