"""prefect.yaml is the table of contents: every entry must load."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
ENTRYPOINTS = sorted({deployment["entrypoint"] for deployment in DEPLOYMENTS})


@pytest.mark.parametrize("entrypoint", ENTRYPOINTS)
def test_the_entrypoint_loads_as_a_flow_with_a_described_form(entrypoint: str) -> None:
    from prefect.flows import load_flow_from_entrypoint

    flow = load_flow_from_entrypoint(str(ROOT / entrypoint))
    assert flow.name == entrypoint.rsplit(":", 1)[1].replace("_", "-")
    for name, field in flow.parameters.properties.items():
        assert field.get("description"), f"{name} does not document itself"


def test_every_flow_file_is_deployed() -> None:
    files = {f"flows/{path.name}:{path.stem}" for path in (ROOT / "flows").glob("*.py")}
    assert files == set(ENTRYPOINTS)


@pytest.mark.parametrize("path", sorted((ROOT / "flows").glob("*.py")), ids=lambda path: path.stem)
def test_a_flow_file_hides_no_installed_package(path: Path) -> None:
    # Prefect puts flows/ first on the import path; looked up from elsewhere, the name must be free
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({path.stem!r}) is not None)"
    assert subprocess.run([sys.executable, "-P", "-c", code], cwd="/", check=False).returncode == 0
    assert importlib.util.find_spec(path.stem) is None or str(ROOT) in str(
        importlib.util.find_spec(path.stem)
    )
