"""`luthier doctor`: does everything that is set up work, and if not, what to do."""

from collections import Counter

import typer
from rich.markup import escape

from cli import checks, options, outside
from cli.terminal import out, print_json
from settings import settings

CHECKS = (
    checks.packages,
    checks.home,
    checks.registry,
    checks.store,
    checks.binaries,
    outside.vendors,
    outside.prefect,
)
MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "wrong": "[bold red]✗[/]", "off": "[dim]–[/]"}
WIDTH = 15


def doctor(json: options.Json = False) -> None:
    """Check home, registry, store, keys, binaries and the Prefect server; exit code 3 if one doesn't work."""
    counts: Counter[str] = Counter()
    found = []
    for check in CHECKS:
        for one in check(settings()):
            counts[one.state] += 1
            found.append(one)
            if not json:
                show(one)
    if json:
        print_json({"checks": [one._asdict() for one in found], "counts": dict(counts)})
    elif counts["wrong"]:
        out.print(f"[bold red]{counts['wrong']} of {len(found)} checks failed.[/]")
    else:
        out.print("Everything that is set up works.")
    raise typer.Exit(3 if counts["wrong"] else 0)


def show(check: checks.Check) -> None:
    dim = "dim" if check.state == "off" else "default"
    out.print(f"{MARKS[check.state]} {check.name:{WIDTH}} [{dim}]{escape(check.message)}[/]", soft_wrap=True)
    if check.hint:
        out.print(f"  {'':{WIDTH}} → {escape(check.hint)}", soft_wrap=True)
