"""The command line: one file a group of commands. Every command takes --json."""

import os
import sys
from importlib.metadata import version
from typing import Annotated, Any

import typer

from cli import batch, datasets, deploy, doctor, jobs, keys, models, serve, train
from cli.terminal import as_configured, err, error_document, print_error, print_json
from cli.unforeseen import explained
from errors import LuthierError

# typer carries a click of its own and shows this class under no public name
UsageError: Any = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="luthier",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Fine-tuned models to order: files and a use case in, a measured, published model out.",
)


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"luthier {version('luthier')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which this is.")
    ] = False,
) -> None:
    """What holds for every command; its own help is the app's."""


app.command("demo")(train.demo)
app.command("prepare")(train.prepare)
app.command("train")(train.train)
app.command("chat")(models.chat)
app.command("bases")(models.bases)
app.command("serve")(serve.serve)
app.command("deploy")(deploy.deploy)
app.command("doctor")(doctor.doctor)
app.add_typer(batch.app, name="batch")
app.add_typer(jobs.app, name="jobs")
app.add_typer(models.app, name="models")
app.add_typer(datasets.app, name="datasets")
app.add_typer(keys.app, name="keys")


def main() -> None:
    """Run a command; an error becomes its sentence, or its JSON, and its exit code."""
    try:
        as_configured()
        code: Any = app(standalone_mode=False)
    except LuthierError as error:
        code = told(error)
    except BrokenPipeError:
        # who read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except UsageError as error:
        if is_json():
            body = {"code": "usage", "message": error.format_message(), "hint": "See `luthier --help`."}
            print_json({"error": body})
        else:
            error.show()
        code = 2
    except (KeyboardInterrupt, typer.Abort):
        err.print("Stopped.")
        code = 130
    except Exception as error:
        # the command's last handler: nobody else could tell the person what happened
        code = told(explained(error))
    sys.exit(code or 0)


def is_json() -> bool:
    return "--json" in sys.argv


def told(error: LuthierError) -> int:
    """The exit code of the error, which is told to the person, or as JSON."""
    print_json(error_document(error)) if is_json() else print_error(error)
    return error.exit_code
