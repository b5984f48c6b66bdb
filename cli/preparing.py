"""The options of how files become examples, given to every command that prepares some."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer

from cli.terminal import WrongUsage
from records import Preparation, Redaction, Sensitive, Teacher

KindOption = Annotated[
    Literal["auto", "chat", "classify", "style", "reference"],
    typer.Option("--kind", help="how to structure the data; auto decides and says why"),
]
Label = Annotated[str | None, typer.Option("--label", help="the column that holds the label or the answer")]
Holdout = Annotated[float, typer.Option("--holdout", min=0, max=0.5, help="share kept back to measure with")]
Held = Annotated[
    list[str] | None,
    typer.Option("--held", metavar="SOURCE", help="measure with these instead of a share of the others"),
]
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


Assistant = Annotated[
    str | None,
    typer.Option(
        "--assistant", metavar="NAME", help="who of the people in chats and mails the model speaks as"
    ),
]
TeacherUrl = Annotated[
    str | None,
    typer.Option(
        "--teacher", metavar="URL", help="a model that writes questions and answers: its API's address"
    ),
]
TeacherModel = Annotated[str | None, typer.Option("--teacher-model", metavar="ID", help="its name there")]
TeacherKey = Annotated[
    str, typer.Option("--teacher-key", metavar="NAME", help="the environment variable that holds its key")
]
TeacherMaxCalls = Annotated[
    int, typer.Option("--teacher-max-calls", min=1, help="passages to ask about, at most")
]
TeacherMaxCost = Annotated[float | None, typer.Option("--teacher-max-cost", help="in US dollars, at most")]
TeacherPrice = Annotated[
    str | None,
    typer.Option("--teacher-price", metavar="IN,OUT", help="US dollars per million tokens read and written"),
]


def preparation_of(
    kind: KindOption = "auto",
    label: Label = None,
    holdout: Holdout = 0.1,
    held: Held = None,
    near_duplicates: NearDuplicates = 0.85,
    seed: Seed = 17,
    redact: Redact = True,
    redact_only: RedactOnly = None,
    redact_drop: RedactDrop = None,
    redact_stop: RedactStop = None,
    allow: Allow = None,
    assistant: Assistant = None,
    teacher: TeacherUrl = None,
    teacher_model: TeacherModel = None,
    teacher_key: TeacherKey = "LUTHIER_TEACHER_KEY",
    teacher_max_calls: TeacherMaxCalls = 500,
    teacher_max_cost: TeacherMaxCost = None,
    teacher_price: TeacherPrice = None,
) -> Preparation:
    return Preparation(
        kind=kind,
        label=label,
        holdout=holdout,
        held=tuple(held or ()),
        near_duplicates=near_duplicates,
        seed=seed,
        redact=redact,
        assistant=assistant,
        teacher=teacher_of(
            teacher,
            teacher_model,
            key=teacher_key,
            max_calls=teacher_max_calls,
            max_cost=teacher_max_cost,
            price=prices(teacher_price),
        ),
        redaction=Redaction(
            only=classes(redact_only),
            drop=classes(redact_drop),
            stop=classes(redact_stop),
            allow=tuple(value for given in allow or () for value in allowed(given)),
        ),
    )


def classes(given: list[str] | None) -> tuple[Sensitive, ...]:
    """Names of classes, several in one option by commas. Raises WrongUsage for a wrong one."""
    named = [name.strip().lower().replace("-", "_") for text in given or () for name in text.split(",")]
    if unknown := set(named) - set(CLASSES):
        raise WrongUsage(
            f"There is no class of private data called '{min(unknown)}'.", f"There are: {', '.join(CLASSES)}."
        )
    return tuple(name for name in CLASSES if name in named)


def teacher_of(url: str | None, model: str | None, **limits: Any) -> Teacher | None:
    """Raises WrongUsage for an address without a model, or the other way round."""
    if not url and not model:
        return None
    if not url or not model:
        raise WrongUsage(
            "A teacher needs an address and a model.",
            "Give both: --teacher http://127.0.0.1:8000/v1 --teacher-model NAME.",
        )
    return Teacher(url=url, model=model, **limits)


def prices(given: str | None) -> tuple[float, float] | None:
    if given is None:
        return None
    try:
        into, out = map(float, given.split(","))
    except ValueError:
        hint = "Write two numbers, as in --teacher-price 0.15,0.60."
        raise WrongUsage(f"The price '{given}' can't be read.", hint) from None
    return into, out


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
