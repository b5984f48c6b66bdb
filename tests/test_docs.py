"""What the pages for people name is there: commands with their options, settings, files they link to."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import AliasChoices
from typer.main import get_command

from cli import app
from settings import Settings

ROOT = Path(__file__).parents[1]
# decisions tell of what was, too
PAGES = [
    page
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "deployments" / "README.md"]
    if page.name != "decisions.md"
]
COMMAND = re.compile(r"(?:^|[`$(/ ])luthier ([a-z][^`#|…\n]*)", re.M)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def typed(text: str) -> Iterator[tuple[list[str], Any, list[str]]]:
    """Each command that a page names: its path, itself, and the words behind it."""
    for words in (found.split() for found in COMMAND.findall(text)):
        command: Any = get_command(app)
        path = []
        while words and words[0] in getattr(command, "commands", {}):
            path.append(words.pop(0))
            command = command.commands[path[-1]]
        if path:
            yield path, command, words


def options(command: Any) -> set[str]:
    return {name for one in command.params for name in (*one.opts, *one.secondary_opts)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_of_a_page_can_be_typed(page):
    wrong = [
        (*path, word)
        for path, command, words in typed(page.read_text("utf-8"))
        for word in re.findall(r"(?<![\w-])--[a-z][\w-]*", " ".join(words))
        if word not in options(command)
    ]
    assert wrong == []


def test_the_readme_names_every_command():
    root: Any = get_command(app)
    named = {path[0] for path, _, _ in typed((ROOT / "README.md").read_text("utf-8"))}
    assert set(root.commands) - named == set()


def names(name: str) -> list[str]:
    alias = Settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [str(alias or f"LUTHIER_{name}").upper()]


def test_every_setting_stands_in_the_table():
    table = (ROOT / "docs" / "settings.md").read_text("utf-8")
    # names of one kind share a line: `LUTHIER_OIDC_ISSUER`, `_CLIENT_ID`
    told = set(re.findall(r"`(\w+)`", table))
    told |= {f"LUTHIER_OIDC{name}" for name in told if name.startswith("_")}
    missing = [name for name in Settings.model_fields if name != "run" and told.isdisjoint(names(name))]
    assert missing == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "docs" / "decisions.md"], ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file(page):
    found = LINK.findall(page.read_text("utf-8"))
    assert [link for link in found if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_module_and_target_of_a_page_can_be_run(page):
    text = page.read_text("utf-8")
    modules = [ROOT.joinpath(*name.split(".")) for name in re.findall(r"python -m (\w+(?:\.\w+)+)", text)]
    assert [
        one for one in modules if not one.with_suffix(".py").exists() and not (one / "__main__.py").exists()
    ] == []
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    assert set(re.findall(r"(?:^|`|&& )make ([a-z][\w-]*)", text, re.M)) - targets == set()
