"""What `luthier doctor` asks of others: the vendors, whether they take our keys; the Prefect server."""

from collections.abc import Iterator

import providers
from cli.checks import Check, faulty
from errors import LuthierError
from settings import Settings

ON_DISK = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE=prefect.server.concurrency.lease_storage.filesystem"


def vendors(chosen: Settings) -> Iterator[Check]:
    """One cheap question to each that is set up; own hardware says what it is."""
    asked = {
        "openai": (chosen.openai_api_key, "OPENAI_API_KEY"),
        "gemini": (chosen.google_project, "GOOGLE_CLOUD_PROJECT"),
        providers.OWN_HARDWARE: ("here", ""),
    }
    for name, (given, variable) in asked.items():
        shown = "own hardware" if name == providers.OWN_HARDWARE else name
        if not given:
            yield Check(shown, "off", f"{variable} is not set.")
            continue
        try:
            provider = providers.get(name, **chosen.provider_arguments(name))
            yield Check(shown, "ok", provider.greet() if isinstance(provider, providers.Greets) else "there.")
        except LuthierError as error:
            yield faulty(shown, error)


def prefect(chosen: Settings) -> Iterator[Check]:
    """The server, and whether it has what `luthier deploy` makes and workers that do it."""
    if not chosen.prefect_api_url:
        yield Check("prefect", "off", "PREFECT_API_URL is not set: flows run in the process that asks.")
        return
    from launch.standing import standing

    try:
        found = standing()
    except LuthierError as error:
        yield faulty("prefect", error)
        return
    yield Check("prefect", "ok", f"{chosen.prefect_api_url}, version {found.version}.")
    if found.forgets:
        yield Check(
            "prefect's limits",
            "warning",
            "a restart of the server ends trainings and loses the slots of limits.",
            f"Start it with {ON_DISK}",
        )
    if found.missing:
        listed = ", ".join(found.missing)
        yield Check("deployments", "wrong", f"missing on the server: {listed}.", "Run: luthier deploy")
    else:
        yield Check("deployments", "ok", f"all {found.deployments} are there.")
    for pool, workers in found.workers.items():
        if workers:
            yield Check(f"pool {pool}", "ok", f"{workers} worker{'s' * (workers > 1)} online.")
        else:
            start = f"Run: prefect worker start --pool {pool}"
            yield Check(f"pool {pool}", "warning", "no worker is online; its runs wait.", start)
