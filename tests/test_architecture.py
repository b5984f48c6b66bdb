"""The tree is the architecture: who may import whom, and where each library, setting and catch-all lives."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
FOUNDATIONS = {"records", "errors", "logs", "processes"}

# Each part, and the parts it may import beside itself.
MAY_IMPORT = {
    "records": set(),
    "logs": set(),
    "processes": set(),
    "settings": {"errors"},
    "errors": {"records"},
    "preparation": FOUNDATIONS,
    "validation": FOUNDATIONS,
    "providers": FOUNDATIONS,
    "registry": FOUNDATIONS,
    "batch": FOUNDATIONS,
    "waiting": {"providers", "registry", "settings", *FOUNDATIONS},
    "tasks": {
        "batch",
        "preparation",
        "validation",
        "providers",
        "registry",
        "settings",
        "waiting",
        *FOUNDATIONS,
    },
    "flows": {"tasks", "batch", *FOUNDATIONS},
    "launch": {"registry", "providers", "settings", *FOUNDATIONS},
    "web": {"registry", "providers", "settings", "launch", "waiting", *FOUNDATIONS},
    "cli": {"batch", "registry", "providers", "settings", "launch", "waiting", "web", *FOUNDATIONS},
}

# One library, one home. A second entry has its reason behind it.
HOMES = {
    "prefect": ["flows", "tasks", "launch", "waiting/parking.py", "waiting/ending.py", "waiting/slots.py"],
    "great_expectations": [
        "validation",
        "launch/__init__.py",  # imported early, in the seconds that a server takes to start
    ],
    "pandas": ["validation"],
    "openai": ["providers/openai"],
    "google": ["providers/gemini"],
    "torch": ["providers/gpu"],
    "transformers": ["providers/gpu"],
    "peft": ["providers/gpu"],
    "safetensors": ["providers/gpu"],
    "tokenizers": ["providers/gpu"],
    "gguf": ["providers/gpu"],
    "llguidance": ["providers/gpu"],
    "sqlalchemy": ["registry"],
    "sqlite3": [
        "registry",
        "preparation/readers/database.py",  # people's own files
    ],
    "alembic": ["registry"],
    "fastapi": ["web"],
    "starlette": ["web"],
    "prometheus_client": ["web"],
    "uvicorn": [
        "web",
        "cli/serve.py",  # `luthier serve` is what starts the server
        "launch/prefect_api.py",
    ],
    "jinja2": [
        "web",
        "validation/page.py",  # escapes what strangers' files are called
        "providers/gpu/template.py",  # chat templates are Jinja
    ],
    "typer": ["cli"],
    "rich": ["cli"],
    "pypdf": ["preparation/readers"],
    "pypdfium2": ["preparation/readers"],
    "ftfy": ["preparation"],
    "rensa": ["preparation"],
    "pydantic_settings": ["settings.py"],
    "yaml": [
        "batch",
        "launch",
        "preparation/readers/yaml_document.py",  # people's own files
    ],
}

# These must load in a blink, so the heavy libraries are imported inside functions.
LIGHT = [
    "batch",
    "cli",
    "launch",
    "waiting",
    "registry",
    "settings.py",
    "records",
    "errors.py",
    "logs.py",
    "processes.py",
    "validation",
]
HEAVY = {
    "prefect", "great_expectations", "pandas", "numpy", "scipy", "torch", "transformers", "peft", "openai",
    "google", "fastapi", "starlette", "uvicorn", "fsspec", "s3fs", "gcsfs", "pypdf", "pypdfium2", "ftfy",
    "rensa",
}  # fmt: skip

# The last handlers of a process or thread, where a fault that nobody foresaw must still reach a person.
CATCH_ALL = {
    "cli/__init__.py": "the command's last handler: a person gets a sentence and the name of a file",
    "launch/recorded.py": "the process that runs a flow: the run is marked failed, then the error goes on",
    "tasks/lanes.py": "one model's fault must not take the night's others down",
    "tasks/retries.py": "Prefect hands over whatever the task raised, to be told apart here",
    "web/serving.py": "one bad request must not take the others of the model's process down",
    "web/chatting.py": "a thread's error is carried over and raised where the answer is awaited",
}

FORBIDDEN_NAMES = re.compile(r"\b(utils?|helpers?|common|base|core|managers?|misc)\b")
MOST_LINES = 320
MOST_LINES_OF_A_FUNCTION = 60


def files() -> list[str]:
    """Python files of the project, tests aside, as paths below the root."""
    top = [path for path in ROOT.glob("*.py")]
    below = [path for part in MAY_IMPORT for path in (ROOT / part).rglob("*.py")]
    return sorted(path.relative_to(ROOT).as_posix() for path in [*top, *below])


FILES = files()
TREES = {name: ast.parse((ROOT / name).read_text("utf-8"), name) for name in FILES}


def part_of(name: str) -> str:
    """`records` for records.py, `web` for web/v1/jobs.py."""
    return PurePosixPath(name).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of the modules that are imported anywhere in it, those named to import_module too."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module
            case ast.Call(
                func=ast.Name("import_module") | ast.Attribute(attr="import_module"), args=[first, *_]
            ):
                if isinstance(first, ast.Constant):
                    yield str(first.value)


def at_import_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Statements that run when the module is imported: not in a function, not under TYPE_CHECKING."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from at_import_time(node)


def lives_in(name: str, home: str) -> bool:
    return name == home or name.startswith(f"{home}/")


def top_level(tree: ast.AST) -> set[str]:
    return {module.partition(".")[0] for module in imports(tree)}


def test_all_parts_are_looked_at():
    assert {part_of(name) for name in FILES} == set(MAY_IMPORT)


def test_a_part_imports_only_what_it_may():
    wrong = {}
    for name, tree in TREES.items():
        part = part_of(name)
        wrong[name] = (top_level(tree) & MAY_IMPORT.keys()) - MAY_IMPORT[part] - {part}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_nothing_imports_flows():
    assert [name for name, tree in TREES.items() if "flows" in top_level(tree)] == []


def test_the_nouns_have_one_door():
    """`from records import Job`, whichever file of records/ defines it."""
    past_it = {
        name: [module for module in imports(tree) if module.startswith("records.")]
        for name, tree in TREES.items()
        if part_of(name) != "records"
    }
    assert {name: modules for name, modules in past_it.items() if modules} == {}


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_imported_in_its_home_only(library):
    users = [name for name, tree in TREES.items() if library in top_level(tree)]
    assert [name for name in users if not any(lives_in(name, home) for home in HOMES[library])] == []


def test_heavy_libraries_are_imported_lazily():
    eager = {}
    for name, tree in TREES.items():
        statements = [node for node in at_import_time(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        if any(lives_in(name, light) for light in LIGHT):
            eager[name] = {library for node in statements for library in top_level(node)} & HEAVY
    assert {name: found for name, found in eager.items() if found} == {}


def test_the_environment_is_read_in_settings_only():
    reads = re.compile(r"\b(environb?|getenvb?)\b")
    names = {
        name: [node.lineno for node in ast.walk(tree) if reads.fullmatch(_name_in(node))]
        for name, tree in TREES.items()
        if name != "settings.py"
    }
    assert {name: lines for name, lines in names.items() if lines} == {}


def _name_in(node: ast.AST) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name) | ast.alias(name=name):
            return name
    return ""


def catch_alls(tree: ast.AST) -> list[ast.ExceptHandler]:
    """Handlers of every error there is."""
    handlers = [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
    return [
        handler
        for handler in handlers
        if handler.type is None
        or {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
        & {"Exception", "BaseException"}
    ]


def test_no_handler_swallows_every_error():
    found = {name: len(catch_alls(tree)) for name, tree in TREES.items()}
    assert {name: count for name, count in found.items() if count} == dict.fromkeys(CATCH_ALL, 1)


def test_imports_are_absolute():
    relative = [
        f"{name}:{node.lineno}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_names_say_what_is_inside():
    assert [name for name in FILES if FORBIDDEN_NAMES.search(re.sub(r"[/_.]", " ", name))] == []


def test_a_file_is_short_enough_to_be_read():
    lines = {name: len((ROOT / name).read_text("utf-8").splitlines()) for name in FILES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_a_function_fits_a_screen():
    long = [
        f"{name}: {node.name}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MOST_LINES_OF_A_FUNCTION
    ]
    assert long == []


def test_no_part_hides_a_module_of_python():
    assert set(MAY_IMPORT) & sys.stdlib_module_names == set()


FLOWS = [name for name in FILES if part_of(name) == "flows"]


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_file_is_named_verb_noun_after_its_flow(name):
    stem = PurePosixPath(name).stem
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", stem)
    named = {
        node.name: keyword.value.value
        for node in TREES[name].body
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "flow"
        for keyword in decorator.keywords
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant)
    }
    assert named == {stem: stem.replace("_", "-")}


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_file_defines_no_type(name):
    assert not [node for node in ast.walk(TREES[name]) if isinstance(node, ast.ClassDef)]


def test_there_are_no_packages_among_the_tests():
    assert [path for path in (ROOT / "tests").rglob("__init__.py")] == []


@pytest.mark.parametrize(
    "code",
    [
        "try: pass\nexcept: pass",
        "try: pass\nexcept Exception: pass",
        "try: pass\nexcept (ValueError, BaseException): pass",
    ],
)
def test_the_rule_sees_every_way_to_catch_all(code):
    assert catch_alls(ast.parse(code))


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("import torch", True),
        ("try:\n    import torch\nexcept ImportError: pass", True),
        ("class A:\n    import torch", True),
        ("def f():\n    import torch", False),
        ("if TYPE_CHECKING:\n    import torch", False),
    ],
)
def test_the_rule_tells_lazy_imports_from_eager_ones(code, seen):
    eager = [node for node in at_import_time(ast.parse(code)) if isinstance(node, ast.Import)]
    assert bool(eager) is seen
