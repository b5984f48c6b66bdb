"""`luthier models export` and `verify`: to other servers, and whether they serve it as it was trained."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli import options
from cli.terminal import err, out, print_json, table
from cli.wiring import open_registry
from errors import NotFound
from records import Finding, TunedModel
from settings import secret_named, settings

if TYPE_CHECKING:
    from registry.store import Registry

Precision = Literal["f16", "bf16", "f32", "q8_0"]


def export(
    model: options.ModelId,
    form: Annotated[
        Literal["merged", "gguf", "ollama", "vllm"],
        typer.Option(
            "--as", help="merged weights, a GGUF file, that with an Ollama Modelfile, vLLM's launch line"
        ),
    ],
    to: Annotated[Path, typer.Option(help="the folder to write into")] = Path("."),
    precision: Annotated[Precision, typer.Option(help="of a GGUF file's weights")] = "f16",
    json: options.Json = False,
) -> None:
    """Write an own model in the form that llama.cpp, Ollama, vLLM or transformers serve."""
    from providers.gpu.export import takeaway

    registry = open_registry()
    found = registry.model(model)
    folder = registry.unpacked(found)
    system = registry.dataset(found.dataset_id).system
    err.print(f"Writing {found.display_name} as {form} …")
    taken = takeaway.write(form, found.base_model, folder, to.expanduser(), slug(found), system, precision)
    if json:
        print_json({"model": found, "path": str(taken.path), "command": taken.command})
        return
    out.print(str(taken.path), markup=False, soft_wrap=True)
    err.print("Start it with:")
    err.print(f"  {taken.command}", markup=False, soft_wrap=True)
    err.print("Then see whether it serves what was trained: `luthier models verify URL`.")


def slug(model: TunedModel) -> str:
    """The display name as a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", model.display_name.lower()).strip("-") or model.id


def verify(
    target: Annotated[
        str, typer.Argument(metavar="MODEL|ZIP|URL", help="a model, its zip, or a server's address")
    ],
    model: Annotated[
        str | None, typer.Option("--model", help="a server's: the model, or its zip, that it should serve")
    ] = None,
    served_as: Annotated[
        str | None, typer.Option("--served-as", help="the name that the server has for it")
    ] = None,
    key_from: Annotated[
        str, typer.Option("--key-from", help="the environment variable that holds the server's key")
    ] = "OPENAI_API_KEY",
    json: options.Json = False,
) -> None:
    """Ask golden prompts: the same tokens and the same answers as in training, or what differs."""
    from providers.gpu.answers import golden

    registry = open_registry()
    if target.startswith(("http://", "https://")):
        findings = on_server(registry, target, model, served_as, secret_named(key_from))
    else:
        base_model, folder = files_of(registry, target)
        findings = golden.check_files(folder, base_model, settings().root)
    if json:
        good = all(finding.severity != "error" for finding in findings)
        print_json({"verified": good, "findings": findings})
        raise typer.Exit(0 if good else 1)
    marks = {"info": "ok", "warning": "?", "error": "differs"}
    table("", "", "what", "found", rows=[(marks[one.severity], one.rule, one.message) for one in findings])
    golden.refuse(findings)
    out.print("It answers as it was trained.")


def on_server(
    registry: "Registry", url: str, model: str | None, served_as: str | None, key: str
) -> list[Finding]:
    from providers.gpu.answers import golden
    from providers.gpu.answers.served import Server

    server = Server(url, key)
    if model is None or served_as is None:
        listed = server.models()
        model = model or next((name for name in listed if is_ours(registry, name)), None)
        if model is None:
            raise NotFound(
                f"None of the models at {url} is known here: {', '.join(listed[:5]) or 'it lists none'}.",
                "Say by --model which of yours it serves, and by --served-as under what name.",
            )
        served_as = served_as or likely(registry, model, listed)
    _, folder = files_of(registry, model)
    return server.check(golden.read(folder), served_as)


def is_ours(registry: "Registry", name: str) -> bool:
    try:
        return bool(registry.model(name).artifact)
    except NotFound:
        return False


def likely(registry: "Registry", model: str, listed: list[str]) -> str:
    """The name among those listed that stands for our model; the only one, if it is just one."""
    names = [model]
    if is_ours(registry, model):
        found = registry.model(model)
        names += [found.id, found.display_name, slug(found), f"{slug(found)}:latest"]
    known = [name for name in listed if name in names]
    if known or len(listed) == 1:
        return (known or listed)[0]
    raise NotFound(
        f"The server lists no model of that name: {', '.join(listed[:5]) or 'none'}.",
        "Say by --served-as which it is.",
    )


def files_of(registry: "Registry", target: str) -> tuple[str, Path]:
    """The base model and the unpacked files of a model or of a zip."""
    if not target.endswith(".zip"):
        found = registry.model(target)
        return found.base_model, registry.unpacked(found)
    from json import loads

    from registry import artifacts

    if not os.path.exists(target):
        raise NotFound(f"There is no file {target}.", "`luthier models download MODEL` saves one.")
    folder = artifacts.unpack(os.path.abspath(target), settings().root / "cache" / "artifacts")
    return str(loads((folder / artifacts.MANIFEST).read_text("utf-8"))["base_model"]), folder
