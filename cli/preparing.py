"""The options of how files become examples, given to every command that prepares some."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer

from errors import NotFound
from records import Preparation, Redaction, Sensitive

KindOption = Annotated[
    Literal["auto", "chat", "classify", "style", "reference"],
    typer.Option("--kind", help="how to structure the data; auto decides and says why"),
]
Label = Annotated[str | None, typer.Option("--label", help="the column that holds the label or the answer")]
Holdout = Annotated[float, typer.Option("--holdout", min=0, max=0.5, help="share kept back to measure with")]
NearDuplicates = Annotated[
    float, typer.Option("--near-duplicates", min=0.5, max=1, help="how alike rows are when one is dropped")
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="of the split and of training")]
Redact = Annotated[bool, typer.Option("--redact/--no-redact", help="replace keys, addresses and the like")]
CLASSES: tuple[Sensitive, ...] = get_args(Sensitive)
RedactOnly = Annotated[
    list[str] | None,
    typer.Option("--redact-only", metavar="CLASS", help=f"replace these only: {', '.join(CLASSES)}"),
]
RedactDrop = Annotated[
    list[str] | None,
    typer.Option("--redact-drop", metavar="CLASS", help="leave out rows that hold one of these"),
]
RedactStop = Annotated[
    list[str] | None,
    typer.Option("--redact-stop", metavar="CLASS", help="stop the job if there is one of these"),
]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow", metavar="VALUE|FILE", help="stays unredacted: a value, *@example.com, or a file of them"
    ),
]


def preparation_of(
    kind: KindOption = "auto",
    label: Label = None,
    holdout: Holdout = 0.1,
    near_duplicates: NearDuplicates = 0.85,
    seed: Seed = 17,
    redact: Redact = True,
    redact_only: RedactOnly = None,
    redact_drop: RedactDrop = None,
    redact_stop: RedactStop = None,
    allow: Allow = None,
) -> Preparation:
    return Preparation(
        kind=kind,
        label=label,
        holdout=holdout,
        near_duplicates=near_duplicates,
        seed=seed,
        redact=redact,
        redaction=Redaction(
            only=classes(redact_only),
            drop=classes(redact_drop),
            stop=classes(redact_stop),
            allow=tuple(value for given in allow or () for value in allowed(given)),
        ),
    )


def classes(given: list[str] | None) -> tuple[Sensitive, ...]:
    """Names of classes, several in one option by commas. Raises NotFound (wrong usage) for a wrong one."""
    named = [name.strip().lower().replace("-", "_") for text in given or () for name in text.split(",")]
    if unknown := set(named) - set(CLASSES):
        raise NotFound(
            f"There is no class of private data called '{min(unknown)}'.", f"There are: {', '.join(CLASSES)}."
        )
    return tuple(name for name in CLASSES if name in named)


def allowed(given: str) -> list[str]:
    """A value, or the lines of a file of that name; blank lines and those that begin with # say nothing."""
    path = Path(given).expanduser()
    if not path.is_file():
        return [given]
    lines = map(str.strip, path.read_text("utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def prepares(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options above in place of its parameter `preparation`."""
    own = inspect.signature(command, eval_str=True)
    options = inspect.signature(preparation_of, eval_str=True).parameters

    @wraps(command)
    def given(**values: Any) -> None:
        chosen = {name: values.pop(name) for name in options if name in values}
        command(preparation=preparation_of(**chosen), **values)

    kept = [parameter for name, parameter in own.parameters.items() if name not in ("preparation", "json")]
    last = own.parameters["json"]
    given.__signature__ = inspect.Signature([*kept, *options.values(), last])  # type: ignore[attr-defined]
    given.__annotations__ = {name: one.annotation for name, one in given.__signature__.parameters.items()}  # type: ignore[attr-defined]
    return given
