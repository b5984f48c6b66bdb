"""`luthier models`, `chat` and `bases`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import options, takeaway, versions, views
from cli.catalogue import as_of_today
from cli.terminal import WrongUsage, err, out, print_json
from cli.wiring import open_registry, provider_named
from errors import NotFound
from providers import TITLES
from records import ChatOptions, Message, TunedModel, Usage

if TYPE_CHECKING:
    from registry.store import Registry


app = typer.Typer(
    help="Fine-tuned models: list, show, rename, delete, download, compare; versions, export, verify.",
    invoke_without_command=True,
)
app.command()(versions.versions)
app.command()(versions.promote)
app.command()(versions.rollback)
app.command()(versions.retiring)
app.command()(takeaway.export)
app.command()(takeaway.verify)
ModelId = options.ModelId


@app.callback()
def models(context: typer.Context, json: options.Json = False) -> None:
    """List all models, the newest first."""
    if context.invoked_subcommand:
        return
    found = open_registry().models()
    print_json({"models": found}) if json else views.list_models(found)


@app.command()
def show(
    model: ModelId,
    examples: Annotated[bool, typer.Option(help="list every example it learned from")] = False,
    json: options.Json = False,
) -> None:
    """One model: its evaluation, recipe and data, and with --examples each example with its source."""
    registry = open_registry()
    found = registry.model(model)
    dataset = registry.dataset(found.dataset_id)
    lineage = list(registry.lineage(dataset.id)) if examples or json else []
    if json:
        job = registry.job(found.job_id)
        print_json({"model": found, "job": job, "dataset": dataset, "examples": lineage})
    else:
        views.show_model(found, registry.job(found.job_id), dataset, lineage)


@app.command()
def rename(model: ModelId, name: str, json: options.Json = False) -> None:
    """Change the display name; the id stays."""
    registry = open_registry()
    found = registry.rename_model(registry.model(model).id, name)
    print_json({"model": found}) if json else err.print(f"{found.id} is now called {found.display_name}.")


@app.command()
def delete(
    model: ModelId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="don't ask")] = False,
    json: options.Json = False,
) -> None:
    """Remove a model and its artefact."""
    registry = open_registry()
    found = registry.model(model)
    if not yes and not json:
        typer.confirm(f"Delete {found.display_name} ({found.id}) and its artefact?", abort=True, err=True)
    registry.delete_model(found.id)
    print_json({"deleted": found.id}) if json else err.print(f"Deleted {found.id}.")


@app.command()
def download(
    model: ModelId,
    to: Annotated[Path, typer.Option(help="a folder or the zip's path")] = Path("."),
    json: options.Json = False,
) -> None:
    """Save the adapter as a zip."""
    registry = open_registry()
    found = registry.model(model)
    if not found.artifact:
        raise NotFound(
            f"{found.display_name} stays with {TITLES.get(found.provider, found.provider)}.",
            "Only models that own hardware trained have files.",
        )
    path = registry.download(found, to)
    print_json({"path": str(path)}) if json else out.print(str(path), markup=False)


@app.command()
def refresh(model: ModelId, json: options.Json = False) -> None:
    """Ask the provider for the model's state."""
    registry = open_registry()
    found = registry.model(model)
    job = registry.job(found.job_id)
    provider = provider_named(found.provider)
    progress = provider.poll(job.remote_id or "")
    if json:
        print_json({"model": found, "progress": progress})
    else:
        out.print(f"{found.display_name}: {progress.status} {progress.message}", markup=False)


@app.command()
def compare(
    model: ModelId,
    other: Annotated[str | None, typer.Argument(metavar="[OTHER]")] = None,
    json: options.Json = False,
) -> None:
    """The model against its base, or against another model."""
    registry = open_registry()
    compared = [registry.model(model), *([registry.model(other)] if other else [])]
    print_json({"models": compared}) if json else views.compare_models(compared)


def bases(json: options.Json = False) -> None:
    """The base models: limits, price, until when they can be tuned and answer, what comes after them."""
    found = as_of_today()
    print_json({"bases": found}) if json else views.list_bases(found)


def chat(
    model: ModelId,
    message: Annotated[
        str | None, typer.Option("--message", "-m", help="one message; else a dialogue")
    ] = None,
    temperature: Annotated[float, typer.Option(min=0, max=2)] = 0.0,
    max_tokens: Annotated[int, typer.Option(min=1)] = 512,
    json: options.Json = False,
) -> None:
    """Talk with a model; the answer streams."""
    registry = open_registry()
    found = registry.model(model)
    chosen = ChatOptions(temperature=temperature, max_tokens=max_tokens)
    dialogue = [Message(role="system", content=registry.dataset(found.dataset_id).system)]
    if message is None and json:
        raise WrongUsage("With --json one message is needed.", 'Give it by --message "…".')
    while True:
        text = message if message is not None else ask()
        if not text:
            return
        dialogue.append(Message(role="user", content=text))
        answer, usage = stream(registry, found, dialogue, chosen, quiet=json)
        dialogue.append(Message(role="assistant", content=answer))
        if json:
            print_json({"model": found.id, "answer": answer, "usage": usage})
        if message is not None:
            return


def ask() -> str:
    try:
        return input("\nyou> " if sys.stdin.isatty() else "").strip()
    except EOFError:
        return ""


def stream(
    registry: "Registry", model: TunedModel, dialogue: list[Message], chosen: ChatOptions, quiet: bool
) -> tuple[str, Usage | None]:
    """Print the pieces as they come; returns the whole answer and the usage."""
    provider = provider_named(model.provider)
    pieces: list[str] = []
    usage = None
    for piece in provider.chat(model.base_model, registry.reference(model), dialogue, chosen):
        if isinstance(piece, Usage):
            usage = piece
        elif isinstance(piece, str):
            pieces.append(piece)
            if not quiet:
                print(piece, end="", flush=True)
    if not quiet:
        print()
    return "".join(pieces), usage
