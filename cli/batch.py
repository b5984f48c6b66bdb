"""`luthier batch`: run a folder of job specs, print their schema."""

from typing import Annotated, Any

import typer

from cli import options
from cli.terminal import err, out, print_json, table
from cli.train import absolute, run_flow

app = typer.Typer(help="Models made on a schedule: run job specs, print their schema.", no_args_is_help=True)


@app.command()
def run(
    folder: Annotated[
        str, typer.Argument(metavar="[FOLDER]", help="a folder, s3:// or gs://; default: LUTHIER_SPECS")
    ] = "",
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="only this model, changed or not; may be repeated"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be run and why")] = False,
    hosted_at_once: Annotated[int, typer.Option(min=1, help="jobs open at hosted vendors")] = 20,
    json: options.Json = False,
) -> None:
    """Make the models whose data or spec has changed. Exit code 1 if one could not be made."""
    from batch.summary import ModelsFailed, Summary

    parameters: dict[str, Any] = {
        "folder": absolute([folder])[0] if folder else "",
        "only": only or [],
        "dry_run": dry_run,
        "hosted_at_once": hosted_at_once,
    }
    try:
        summary: Summary = run_flow("run_batch", parameters)
    except ModelsFailed as error:
        if error.summary is None:
            raise
        summary = error.summary
    print_json(document(summary)) if json else show(summary)
    if summary.failed:
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """The JSON schema of a job spec, for editors and checks."""
    from batch.spec import schema_text

    print(schema_text(), end="")


def document(summary: Any) -> dict[str, Any]:
    return {**summary.model_dump(mode="json"), "counts": summary.counts, "ok": not summary.failed}


def show(summary: Any) -> None:
    from batch.summary import told

    rows = [
        (line.what, line.name or "–", line.spec, f"{line.reason}. {told(line)}".strip())
        for line in summary.in_order
    ]
    if rows:
        table("", "", "model", "spec", "why and what came of it", rows=rows)
    out.print(summary.sentence, markup=False)
    if summary.dry_run:
        err.print("Nothing was run.")
