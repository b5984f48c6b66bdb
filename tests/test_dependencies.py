"""What is imported is named in pyproject.toml; what is named there is used and has a line in decisions.md."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions

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
