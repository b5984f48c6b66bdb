"""`luthier deploy`: bring a Prefect server up to date."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from cli import options
from cli.terminal import err, out, print_json, table
from settings import settings


def deploy(
    code: Annotated[
        Path | None, typer.Option(help="the folder in which workers find Luthier; default: this one")
    ] = None,
    json: options.Json = False,
) -> None:
    """Make what Luthier needs on the Prefect server at PREFECT_API_URL; twice changes nothing."""
    from launch.furnishing import ROOT, furnish

    changes = furnish(code.absolute() if code else ROOT)
    counts = Counter(change.done for change in changes)
    if json:
        print_json({"changes": [change._asdict() for change in changes], "counts": dict(counts)})
        return
    news = [change for change in changes if change.done != "unchanged"]
    if news:
        table("", "what", "name", "", "note", rows=[(one.kind, one.name, one.done, one.note) for one in news])
    told = ", ".join(f"{count} {done}" for done, count in counts.items())
    nothing = "" if counts.keys() - {"unchanged", "left alone"} else "Nothing changed. "
    out.print(f"{settings().prefect_api_url}: {nothing}{told}.")
    if counts["created"]:
        err.print("Now start workers: `prefect worker start --pool own-hardware`, `… --pool hosted`.")
