"""The services of deployments/compose.yaml as processes of this machine, and two models through them.

    apt-get install postgresql redis-server caddy
    python -m tests.deployments.loopback

Commands and environments are those of compose.yaml, with ports in the place of hosts. Postgres, Redis and
Caddy are Debian's, moto stands in for the store, and OpenAI is the vendor on loopback. A model is trained on
own hardware and a hosted job waits while an API process and both workers are killed.
"""

import csv
import logging
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
from moto.server import ThreadedMotoServer

from tests.asking import Patient
from tests.deployments.test_files import COMPOSE, FOLDER, ROOT
from tests.postgres import execute, running_postgres
from tests.prefect_server import BIN, free_port
from tests.tiny_bases import make_base
from tests.vendors.life import Pace
from tests.vendors.openai_vendor import OpenAIVendor

PASSWORDS = {"POSTGRES_PASSWORD": "secret1", "PREFECT_PASSWORD": "secret2", "STORE_PASSWORD": "secret3"}
LOGIN = ("luthier", PASSWORDS["PREFECT_PASSWORD"])
HOSTED = "gpt-4.1-mini-2025-04-14"
ROADS = [("coast", "north"), ("market", "south"), ("hill", "east"), ("river", "west")]
LONGEST_SECONDS = 600.0


class Topology:
    """The services of compose.yaml. `addresses` says what stands where its hosts were."""

    def __init__(self, folder: Path, addresses: Mapping[str, str], **more: str):
        self.folder, self.addresses, self.more = folder, addresses, more
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.started: dict[str, tuple[str, dict[str, str]]] = {}

    def start(self, service: str, name: str = "", **changes: str) -> None:
        """`changes` of words of its command, for ports that a container would have to itself."""
        name = name or service
        self.started[name] = service, changes
        command = [changes.get(word, word) for word in self.resolved(COMPOSE["services"][service]["command"])]
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            command, cwd=ROOT, env=self.environment(service, name), stdout=log, stderr=log
        )

    def finish(self, service: str) -> None:
        self.start(service)
        assert self.processes.pop(service).wait(LONGEST_SECONDS) == 0, self.log(service)

    def environment(self, service: str, name: str) -> dict[str, str]:
        """Of the image, the service's `env_file`, and its `environment`."""
        kept = {
            key: value for key, value in os.environ.items() if not re.match("PREFECT_|LUTHIER_|OPENAI_", key)
        }
        home = self.folder / name
        image = {"LUTHIER_HOME": str(home), "PREFECT_HOME": str(home / "prefect"), "DO_NOT_TRACK": "1"}
        spec, file = COMPOSE["services"][service], {}
        if "env_file" in spec:
            lines = (FOLDER / spec["env_file"]).read_text().splitlines()
            file = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        own = {key: self.resolved(value) for key, value in spec.get("environment", {}).items()}
        path = {"PATH": f"{BIN}:{os.environ['PATH']}"}
        return kept | image | path | file | {key: value for key, value in own.items() if value} | self.more

    def resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.resolved(one) for one in value]
        text = re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda m: PASSWORDS.get(m[1], m[2] or ""), str(value))
        for host, address in self.addresses.items():
            text = text.replace(host, address)
        return text

    def revive(self) -> None:
        """What the engine does to a process that has ended: `restart: unless-stopped`."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None and name in self.started:
                say(f"{name} has ended with {process.returncode} and is started again")
                service, changes = self.started[name]
                self.start(service, name, **changes)

    def kill(self, name: str) -> int:
        """SIGKILL, also to what it started; the process id it had."""
        process = self.processes[name]
        with suppress(psutil.NoSuchProcess):
            family = psutil.Process(process.pid).children(recursive=True)
            for one in [process, *family]:
                with suppress(psutil.NoSuchProcess):
                    one.send_signal(signal.SIGKILL)
        process.wait()
        return process.pid

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")[-3000:]

    def stop(self) -> None:
        for name in list(self.processes)[::-1]:
            self.kill(name)


@contextmanager
def redis(folder: Path) -> Iterator[int]:
    port = free_port()
    command = ["redis-server", "--port", str(port), "--appendonly", "yes", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


@contextmanager
def store() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", free_port(), verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@contextmanager
def databases() -> Iterator[str]:
    """HOST:PORT of a server with what the image and postgres.sql make."""
    with running_postgres() as server:
        execute(server, "CREATE ROLE luthier SUPERUSER LOGIN")
        execute(server, "CREATE DATABASE luthier OWNER luthier")
        execute(server, (FOLDER / "postgres.sql").read_text())
        yield server.rpartition("@")[2]


def until(holds: Callable[[], Any], what: str) -> Any:
    give_up = time.monotonic() + LONGEST_SECONDS
    while not (found := holds()):
        assert time.monotonic() < give_up, f"not within {LONGEST_SECONDS:.0f} s: {what}"
        time.sleep(1)
    return found


def answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(url, auth=LOGIN, timeout=5).status_code == 200
    return False


def revived(place: Topology, url: str) -> bool:
    place.revive()
    return answers(url)


def say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def parcels(path: Path) -> Path:
    """What a tiny model can learn."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "depot"])
        for number in range(80):
            road, depot = ROADS[number % 4]
            table.writerow([f"parcel {number} goes up the {road} road number {number * 7}", depot])
    return path


class Console:
    """The Prefect API behind its proxy, as a person with the password asks it."""

    def __init__(self, address: str):
        self.client = httpx.Client(base_url=address, auth=LOGIN, timeout=60, transport=Patient())

    def start(self, deployment: str, **parameters: Any) -> str:
        found = self.client.get(f"/deployments/name/{deployment}").raise_for_status().json()
        asked = {"parameters": parameters}
        made = self.client.post(f"/deployments/{found['id']}/create_flow_run", json=asked)
        return str(made.raise_for_status().json()["id"])

    def state(self, run: str) -> str:
        # while one of two API processes is gone, the proxy answers some requests with 502
        answer = self.client.get(f"/flow_runs/{run}")
        return str(answer.json()["state"]["name"]) if answer.status_code == 200 else ""

    def until(self, run: str, *names: str) -> str:
        bad = ("Failed", "Cancelled")
        name = until(lambda: (now := self.state(run)) in (*names, *bad) and now, f"{run}: {names}")
        assert name in names, f"{run} is {name}"
        return str(name)


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="luthier-topology-")))
        vendor = stack.enter_context(OpenAIVendor(pace=Pace(seconds=40)))
        api = [free_port(), free_port()]
        front, web = free_port(), free_port()
        addresses = {
            "@postgres/": f"@{stack.enter_context(databases())}/",
            "redis:6379": f"127.0.0.1:{stack.enter_context(redis(folder))}",
            "http://store:8333": stack.enter_context(store()),
            "http://prefect-api:4200": f"http://127.0.0.1:{front}",
            "/app": str(ROOT),
        }
        more = {"OPENAI_BASE_URL": f"{vendor.url}/v1", "OPENAI_API_KEY": "sk-loopback"}
        place = Topology(folder, addresses, **more)
        stack.callback(place.stop)
        begin(place, api, front)
        place.start("web", **{"8400": str(web), "0.0.0.0": "127.0.0.1"})
        for worker in ("worker-hosted", "worker-cpu"):
            place.start(worker)
        until(lambda: answers(f"http://127.0.0.1:{web}/metrics"), "the web")
        say("all services are up")
        try:
            trial(place, Console(f"http://127.0.0.1:{front}/api"), folder)
        except AssertionError:
            for name in place.processes:
                print(f"--- {name}\n{place.log(name)}")
            raise
        metrics = httpx.get(f"http://127.0.0.1:{web}/metrics").text
        say("metrics: " + " ".join(re.findall(r"^luthier_jobs\{.*$", metrics, re.MULTILINE)))
        kept = objects(addresses["http://store:8333"])
        say(f"jobs at the vendor: {len(vendor.jobs)}; objects in the store: {kept}")


def begin(place: Topology, api: list[int], front: int) -> None:
    """Everything up to `deploy`, in the order that compose.yaml asks for."""
    place.finish("prefect-migrations")
    for number, port in enumerate(api, 1):
        place.start("prefect-api", f"prefect-api-{number}", **{"4200": str(port), "0.0.0.0": "127.0.0.1"})
    for port in api:
        # on an empty database they race for the block types, and the one that loses ends
        until(partial(revived, place, f"http://127.0.0.1:{port}/api/ready"), "the Prefect API")
    upstreams = [word for port in api for word in ("--to", f"127.0.0.1:{port}")]
    # with a host before the port it would speak TLS
    proxy = ["caddy", "reverse-proxy", "--from", f":{front}", *upstreams]
    log = (place.folder / "caddy.log").open("ab")
    place.processes["caddy"] = subprocess.Popen(proxy, stdout=log, stderr=log)
    until(lambda: answers(f"http://127.0.0.1:{front}/api/ready"), "the proxy")
    place.start("prefect-services")
    for _ in range(2):
        place.finish("deploy")
    say(place.log("deploy").strip().splitlines()[-1])


def trial(place: Topology, console: Console, folder: Path) -> None:
    given = {"sources": [str(parcels(folder / "parcels.csv"))], "use_case": "Sort parcels into depots"}
    base = str(make_base(folder / "base", "qwen3"))
    accepted = {"accept_retirement": True, "evaluate_on": 2}
    hosted = console.start("fine-tune/hosted", **given, recipe={"base_model": HOSTED, "options": accepted})
    trained = console.start("fine-tune/own-hardware", **given, recipe={"base_model": base, "epochs": 40})
    say(f"hosted: {console.until(hosted, 'WaitingForProvider')}")
    say(f"own hardware: {console.until(trained, 'Running', 'Completed')}")
    for name in ("prefect-api-1", "worker-hosted", "worker-cpu"):
        say(f"killed {name}, process {place.kill(name)}")
    place.revive()
    for name, run in (("hosted", hosted), ("own hardware", trained)):
        say(f"{name}: {console.until(run, 'Completed')}")


def objects(endpoint: str) -> int:
    keys = {"aws_access_key_id": "luthier", "aws_secret_access_key": "x", "region_name": "us-east-1"}
    listed = boto3.client("s3", endpoint_url=endpoint, **keys).list_objects_v2(Bucket="luthier")
    return int(listed["KeyCount"])


if __name__ == "__main__":
    main()
