"""`luthier models versions`, `promote` and `rollback`: which model a name stands for."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from cli import options, views
from cli.terminal import err, out, print_json, table
from cli.train import run_flow
from cli.wiring import open_registry
from errors import NotFound

if TYPE_CHECKING:
    from registry.store import Registry
    from registry.versions import Version

Name = Annotated[str, typer.Argument(metavar="NAME", help="the name of a model, or its alias")]


def versions(name: Name, json: options.Json = False) -> None:
    """All versions of a model that is made again and again, the newest first, and which one is current."""
    registry = open_registry()
    found, current = registry.versions(name), registry.current_version(name)
    alias = registry.alias_of(found[0].name)
    if json:
        print_json(
            {
                "name": found[0].name,
                "alias": alias,
                "current": current.number if current else None,
                "versions": found,
            }
        )
        return
    there = {model.id: model for model in registry.models()}
    rows = [
        (
            "→" if current and version.number == current.number else "",
            version.number,
            version.model_id,
            views.verdict_line(there[version.model_id]) if version.model_id in there else "deleted",
            version.judgement,
            f"{version.created_at:%Y-%m-%d %H:%M}",
        )
        for version in found
    ]
    title = f"{found[0].name}{f' (alias {alias})' if alias else ''}"
    table(title, "", "version", "model", "evaluation", "judged", "made", rows=rows)
    if current is None:
        out.print("The name points at no model. `luthier models promote NAME --version N` chooses one.")


def promote(
    name: Name,
    version: Annotated[int | None, typer.Option(min=1, help="its number; default: the newest")] = None,
    json: options.Json = False,
) -> None:
    """Point the name and its alias at a version, whatever it was judged to be."""
    registry = open_registry()
    number = version or registry.versions(name)[0].number
    moved(registry, registry.point_at(name, number), json)


def rollback(name: Name, json: options.Json = False) -> None:
    """Point the name and its alias at the version before the current one."""
    registry = open_registry()
    current = registry.current_version(name)
    there = {model.id for model in registry.models()}
    before = [
        one
        for one in registry.versions(name)
        if one.model_id in there and (current is None or one.number < current.number)
    ]
    if not before:
        raise NotFound(
            f"'{name}' has no version before the current one.", "`luthier models versions` lists them."
        )
    moved(registry, registry.point_at(name, before[0].number), json)


def retiring(json: options.Json = False) -> None:
    """Models whose base is shut down, the nearest first, and the command that moves their data elsewhere."""
    found = run_flow("watch_retirement", {})
    if json:
        print_json({"retiring": [{**one.model_dump(mode="json"), "message": one.message} for one in found]})
        return
    for one in found:
        style = "red" if one.days_left <= 7 else "yellow" if one.days_left <= 90 else "default"
        out.print(f"[{style}]{escape(one.message)}[/]\n  {escape(one.hint)}", soft_wrap=True)
    if not found:
        out.print("No model's base has a last day.")


def moved(registry: "Registry", version: "Version", json: bool) -> None:
    alias = registry.alias_of(version.name)
    if json:
        print_json(
            {"name": version.name, "alias": alias, "current": version.number, "model": version.model_id}
        )
        return
    names = f"{version.name}{f' ({alias})' if alias else ''}"
    err.print(f"{names} is now version {version.number}, {version.model_id}.", markup=False)
